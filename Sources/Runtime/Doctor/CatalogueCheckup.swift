import Providers
import Store

/// The catalogue: the operator's files load, and every channel's provider is in it.
enum CatalogueCheckup {
    static func load(_ settings: Settings) -> (catalogue: Catalogue?, findings: [Finding]) {
        do {
            let catalogue = try Installation.catalogue(settings)
            let place = settings.cataloguePath.map { ", with \($0) laid over it" } ?? ""
            return (catalogue, [.ok(.catalogue, "\(catalogue.names.count) providers are known\(place).")])
        } catch {
            return (
                nil,
                [
                    .failed(
                        .catalogue, "\(error)",
                        "`tokenward providers check \(settings.cataloguePath ?? "FILE")` explains it.")
                ]
            )
        }
    }

    static func findings(used: [Examination.AppUse], catalogue: Catalogue) -> [Finding] {
        Set(used.map(\.provider)).sorted().compactMap { name in
            guard let entry = catalogue[name] else {
                return .failed(
                    .catalogue, "Channels of the provider `\(name)` exist, but the catalogue does not know it.",
                    "Put its entry back into TOKENWARD_CATALOGUE, or remove its channels.")
            }
            guard entry.isDeprecated else { return nil }
            return .warning(
                .catalogue, "Channels use \(entry.title), which its provider has deprecated.",
                "Let their users connect again by way of its successor.")
        }
    }
}
