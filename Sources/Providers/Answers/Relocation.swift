package import Domain

extension ProviderEntry {
    /// The request that asks where a moved account is; nil when the entry has none.
    package func relocateRequest(_ inputs: RequestInputs) throws(RequestError) -> OutgoingRequest? {
        try request(.relocate, inputs)
    }

    /// The credential with the new place of its account.
    ///
    /// Nil when the answer names none, the same one, or one that the connection parameter does not allow.
    package func relocated(_ credential: Credential, status: Int, body: [UInt8]) -> Credential? {
        guard let relocation, (200..<300).contains(status) else { return nil }
        let body = AnswerBody(body, format: .json)
        let name = relocation.parameter.name
        guard body.isParsed, let value = relocation.path.value(in: body.root)?.token,
            value != credential.parameters[name], relocation.parameter.problem(with: value) == nil
        else { return nil }
        var moved = credential
        moved.parameters[name] = value
        return moved
    }
}
