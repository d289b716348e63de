/// The database as re-authorization sees it; each call is one transaction.
package protocol AuthorizationStore: ExchangeSettling {
    /// The number of a channel's grant, for a flow that is to replace it; nil for an unknown or disconnected channel.
    func grantID(of channel: ChannelID) async throws -> Int64?
    /// Writes the intent to redeem a code (PROTOCOL §8.3).
    ///
    /// - Parameter stateDigest: of the flow's `state`.
    /// - Returns: nil when the state was used before: a replay.
    func begin(
        _ target: AuthorizationTarget, stateDigest: [UInt8], nonceDigest: [UInt8]?
    ) async throws -> Authorization?
    /// What became of the flow with this state; nil when its code was never redeemed.
    func authorization(stateDigest: [UInt8]) async throws -> Authorization?
    /// Takes kept answers that nobody finishes now; each is the caller's for a minute.
    ///
    /// - Parameter only: this one, whoever else may look.
    func takeExchanged(only: Int64?, limit: Int) async throws -> [ExchangedAuthorization]
    /// Makes the grant the channel's own in one transaction, or refuses it.
    ///
    /// Ends every other attempt's right to write (PROTOCOL §4 Q1'''); writes `recovered` when the channel was in
    /// warning.
    /// - Throws: ``AuthorizationRefusal``; the row says so too and nothing else was changed.
    func store(_ id: Int64, _ grant: AuthorizedGrant) async throws
    /// Ends an authorization without touching a channel, unless it has ended.
    func refuse(_ id: Int64, because reason: AuthorizationRefusal) async throws
    /// A live channel of the app that has this account.
    func holder(ofAccount accountID: String, provider: String, appID: String) async throws -> ChannelID?
    /// Refuses what was kept for too long, deletes what ended long ago.
    func tidyAuthorizations() async throws
}

/// Brings a code exchange's journalled answer to its authorization (PROTOCOL §5 settle, EXCHANGE).
package protocol ExchangeSettling: Sendable {
    /// Keeps the answer, sealed, if the authorization is still `redeeming`.
    ///
    /// - Returns: whether there is such an authorization at all.
    func keepExchange(_ answer: JournalAnswer) async throws -> Bool
}
