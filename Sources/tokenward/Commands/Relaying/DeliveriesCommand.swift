import API
import ArgumentParser
import Domain
import FoundationEssentials
import Runtime

struct DeliveriesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deliveries", abstract: "Lists messages and sends dead ones again.",
        discussion: "Example: tokenward deliveries replay --all",
        subcommands: [DeliveriesList.self, DeliveriesReplay.self])
}

struct DeliveriesList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists messages, newest first.",
        discussion: "Example: tokenward deliveries list --state dead")

    @OptionGroup var common: CommonOptions
    @Option(help: "pending, sending, sent, dead or suppressed.") var state: String?
    @Option(help: "To this destination.") var destination: String?
    @Option(help: "About this incident.") var incident: Int64?
    @Option(help: "At most this many, up to 500.") var limit = 100
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        if let state, DeliveryState(rawValue: state) == nil {
            throw ValidationError("--state is pending, sending, sent, dead or suppressed.")
        }
    }

    func run() async throws {
        let query = DeliveryQuery(
            state: state.flatMap(DeliveryState.init), destinationID: destination, incidentID: incident, limit: limit)
        let deliveries = try await common.withInstallation { try await $0.relayDirectory.deliveries(query) }
        if json { return Terminal.line(JSON.page(deliveries.map { .delivery($0) }, next: nil).pretty) }
        var rows = [["id", "state", "kind", "type", "attempts", "code", "at", "destination"]]
        for delivery in deliveries {
            rows.append([
                delivery.id, delivery.state.rawValue, delivery.kind.rawValue, delivery.type.rawValue,
                "\(delivery.attempts)", delivery.code ?? "—", delivery.createdAt.rfc3339,
                delivery.destinationName ?? delivery.destinationID,
            ])
        }
        Terminal.table(rows)
    }
}

struct DeliveriesReplay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Sends dead messages again, with their ids, and unparks their destinations.",
        discussion: "Example: tokenward deliveries replay --destination env:slack")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The delivery's id.") var id: String?
    @Option(help: "All dead ones to this destination.") var destination: String?
    @Option(help: "All dead ones of this type.") var type: String?
    @Flag(help: "All dead ones, at most 1000 at a time.") var all = false

    func validate() throws {
        if id == nil, destination == nil, type == nil, !all {
            throw ValidationError("Name a delivery, a --destination or a --type, or say --all.")
        }
        if let type, MessageType(rawValue: type) == nil {
            throw ValidationError("--type is one of \(MessageType.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
    }

    func run() async throws {
        let filter = ReplayFilter(
            deliveryID: id, destinationID: destination, type: type.flatMap(MessageType.init))
        let id = id
        let (queued, known) = try await common.withInstallation { installation in
            let queued = try await installation.deliveryLog.replay(filter, by: "command line")
            guard queued.isEmpty, let id else { return (queued, DeliveryRecord?.none) }
            return (queued, try await installation.deliveryLog.delivery(id, tenantID: nil)?.0)
        }
        if let id, queued.isEmpty {
            guard let known else {
                throw CommandFailure(
                    sentence: "There is no delivery `\(id)`; `tokenward deliveries list` names those there are.")
            }
            throw CommandFailure(
                sentence: known.state == .dead
                    ? "What \(id) tells has ended, so it is not sent again."
                    : "\(id) is \(known.state.rawValue); only dead deliveries are sent again.")
        }
        Terminal.line("\(queued.count) queued")
    }
}
