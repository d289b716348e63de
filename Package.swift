// swift-tools-version: 6.2
import PackageDescription

/// The rings of docs/architecture.md, innermost first; a module may use modules of lower rings only.
enum Ring: Int { case inner, wrappers, adapters, services, runtime, command }

/// One row of the architecture table: a module, its ring, what it uses of ours and of others.
struct Module {
    let name: String
    let ring: Ring
    let uses: [String]
    let products: [Target.Dependency]

    init(_ name: String, _ ring: Ring, uses: [String] = [], products: [Target.Dependency] = []) {
        self.name = name
        self.ring = ring
        self.uses = uses
        self.products = products
    }
}

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let flyingFox = Target.Dependency.product(name: "FlyingFox", package: "FlyingFox")
let flyingSocks = Target.Dependency.product(name: "FlyingSocks", package: "FlyingFox")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let modules = [
    Module("Domain", .inner),
    Module("POSIX", .inner),
    Module("Threads", .inner),

    Module("Curl", .wrappers, uses: ["CLibcurl", "Threads"]),
    Module("MicroHTTP", .wrappers, uses: ["CMicrohttpd", "Threads"]),
    Module("Postgres", .wrappers, uses: ["CLibpq", "Threads"]),
    Module("Sealing", .wrappers, uses: ["Domain"], products: [crypto]),

    Module("Journal", .adapters, uses: ["Domain", "POSIX", "Sealing", "Threads"]),
    Module("Providers", .adapters, uses: ["Domain"], products: [crypto, yams]),
    Module("Scheduling", .adapters, uses: ["Domain"]),
    Module("Store", .adapters, uses: ["Domain", "Postgres", "Sealing"]),
    Module("Templates", .adapters, products: [mustache]),

    Module("API", .services, uses: ["Domain", "Providers", "Scheduling", "Sealing"], products: [log]),
    Module("Jobs", .services, uses: ["Domain", "Scheduling"], products: [lifecycle, log]),
    Module("Notifier", .services, uses: ["Domain", "Templates"], products: [crypto, lifecycle, log]),
    Module(
        "Reauthorization", .services, uses: ["Domain", "Providers", "Sealing", "Templates"],
        products: [lifecycle, log]),
    Module("Refresher", .services, uses: ["Domain", "Providers"], products: [lifecycle, log]),

    Module(
        "Runtime", .runtime,
        uses: [
            "API", "Curl", "Domain", "Jobs", "Journal", "MicroHTTP", "Notifier", "POSIX", "Postgres", "Providers",
            "Reauthorization", "Refresher", "Scheduling", "Sealing", "Store", "Templates",
        ],
        products: [lifecycle, log, subprocess, unixSignals, yams]),
    Module("Sandbox", .runtime, uses: ["Domain"], products: [crypto, flyingSocks]),

    Module(
        "tokenward", .command, uses: ["API", "Domain", "Providers", "Runtime", "Sandbox"],
        products: [argumentParser, log]),
]

/// C libraries of the system; they stand in the innermost ring and are used by one wrapper each.
let systemLibraries: [Target] = [
    .systemLibrary(
        name: "CLibcurl", path: "Sources/CLibcurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(
        name: "CLibpq", path: "Sources/CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(
        name: "CMicrohttpd", path: "Sources/CMicrohttpd", pkgConfig: "libmicrohttpd",
        providers: [.apt(["libmicrohttpd-dev"])]),
]

/// Test targets: name without `Tests`, what it uses, products.
let tests: [(name: String, uses: [String], products: [Target.Dependency])] = [
    ("Domain", ["Domain"], []),
    ("Threads", ["Threads"], []),
    ("Curl", ["Curl", "TestSupport"], [flyingFox, flyingSocks, subprocess]),
    ("MicroHTTP", ["MicroHTTP"], [subprocess]),
    ("Postgres", ["Postgres", "TestSupport"], []),
    ("Sealing", ["Domain", "Sealing"], [crypto]),
    ("Journal", ["Domain", "Journal", "Sealing"], []),
    ("Providers", ["Domain", "Providers"], []),
    ("Scheduling", ["Domain", "Scheduling"], []),
    ("Store", ["Domain", "Postgres", "Sealing", "Store", "TestSupport"], []),
    ("Templates", ["Templates"], []),
    ("Notifier", ["Domain", "Notifier", "Sandbox", "Templates", "TestSupport"], [log, subprocess]),
    ("Refresher", ["Domain", "Providers", "Refresher", "TestSupport"], [log]),
    ("API", ["API", "Domain", "Providers", "Sealing", "TestSupport"], [log]),
    ("Jobs", ["Domain", "Jobs", "TestSupport"], [log]),
    ("Reauthorization", ["Domain", "Providers", "Reauthorization", "Sealing", "Templates", "TestSupport"], [log]),
    (
        "Runtime",
        [
            "Curl", "Domain", "Journal", "Notifier", "Postgres", "Providers", "Runtime", "Scheduling", "Sealing",
            "Store", "Templates", "TestSupport",
        ],
        [subprocess]
    ),
    ("Sandbox", ["Domain", "Sandbox"], [flyingSocks]),
    (
        // The program itself is run as its users run it; it is built with the tests.
        "EndToEnd", ["Domain", "Postgres", "Sandbox", "TestSupport"], [subprocess]
    ),
    ("Architecture", ["Runtime"], [subprocess, yams]),
]

let ring = Dictionary(
    uniqueKeysWithValues: modules.map { ($0.name, $0.ring) } + systemLibraries.map { ($0.name, Ring.inner) })
for module in modules {
    for used in module.uses {
        guard let inner = ring[used], inner.rawValue < module.ring.rawValue else {
            fatalError("\(module.name) may not use \(used): arrows point to inner rings only")
        }
    }
}

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("ImmutableWeakCaptures"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

/// Files compiled into a module: the catalogue, the migrations, the message templates.
let embedded: [String: [Resource]] = [
    "Providers": [.embedInCode("Catalogue")],
    "Store": [.embedInCode("Migrations")],
    "Templates": [.embedInCode("Embedded")],
]

let package = Package(
    name: "tokenward",
    products: [.executable(name: "tokenward", targets: ["tokenward"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
    ],
    targets: systemLibraries
        + modules.map { module in
            let dependencies = module.uses.map { Target.Dependency.target(name: $0) } + module.products
            return module.ring == .command
                ? .executableTarget(name: module.name, dependencies: dependencies, swiftSettings: settings)
                : .target(
                    name: module.name, dependencies: dependencies, resources: embedded[module.name],
                    swiftSettings: settings)
        }
        + [
            .target(
                name: "TestSupport", dependencies: ["Domain", "Postgres"] + [subprocess], path: "Tests/TestSupport",
                swiftSettings: settings)
        ]
        + tests.map { test in
            .testTarget(
                name: "\(test.name)Tests",
                dependencies: test.uses.map { Target.Dependency.target(name: $0) } + test.products,
                swiftSettings: settings)
        }
)
