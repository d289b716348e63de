/// Finds the OAuth client registration that a channel uses: the tenant's before the platform's.
package protocol AppDirectory: Sendable {
    func app(provider: String, tenantID: String) -> App?
}
