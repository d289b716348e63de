import Domain

/// The installation as a whole: its tenants and its keys.
struct AdministrationRoutes: Sendable {
    let ports: HTTPInterface.Ports

    func register(on router: inout Router) {
        router.on(
            "GET", "/v1/tenants",
            Operation(
                "listTenants", "Lists tenants, which exist by having channels, with their channels by status.",
                tag: "access", access: .superadmin, query: Operation.paging, answers: [.json(.page(of: .tenant))])
        ) { request, _ in
            let limit = request.limit
            let tenants = try await ports.administration.tenants.tenants(
                after: request.parameter("cursor"), limit: limit + 1)
            let page = tenants.prefix(limit)
            return .json(.page(page.map { .tenant($0) }, next: tenants.count > limit ? page.last?.id : nil))
        }
        router.on(
            "GET", "/v1/keys",
            Operation(
                "listKeys", "Lists the keys that stored values are sealed with; shows ids only. Counts every row.",
                tag: "access", access: .superadmin, answers: [.json(.page(of: .key))])
        ) { _, _ in
            let keys = try await ports.administration.keys.keyUses(ring: ports.administration.ring)
            return .json(.page(keys.map { .key($0) }, next: nil))
        }
    }
}
