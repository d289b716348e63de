extension ProviderEntry {
    /// `https://host` of each endpoint that these connection parameters and the defaults fill, sorted.
    ///
    /// Endpoints that want something of a single channel (a subdomain) are left out.
    package func origins(parameters: [String: String] = [:]) -> [String] {
        let endpoints = requests.values.map(\.endpoint) + [authorization.endpoint].compactMap(\.self)
        let urls = endpoints.compactMap { endpoint in
            try? endpoint.url { variable in
                guard case .connection(let name) = variable else { return "x" }
                return parameters[name] ?? connectionParameters.first { $0.name == name }?.defaultValue
            }
        }
        return Set(urls.map { $0.split(separator: "/", maxSplits: 2).prefix(2).joined(separator: "//") }.map(Self.bare))
            .sorted()
    }

    private static func bare(_ origin: String) -> String { String(origin.prefix { $0 != "?" }) }
}
