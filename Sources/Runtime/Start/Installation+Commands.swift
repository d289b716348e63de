package import API
package import Domain
import FoundationEssentials
package import Logging
import Notifier
import Reauthorization
import Refresher
import Store

/// What the command line asks of an installation, over the same code as the service.
extension Installation {
    /// Migrates and says which version the schema is at; needs no keys and no admin token.
    package static func withSchema(_ settings: Settings, logger: Logger) async throws -> Int32 {
        try await withPool(settings, for: .migrate, logger: logger) { pool in
            try await prepareSchema(Migrations(pool: pool), purpose: .migrate, logger: logger)
            return Migrations.newest
        }
    }

    /// All channels that match, or the one that is named, with their tenants; in order of id.
    package func channelIDs(
        _ filter: ChannelFilter, only: ChannelID?
    ) async throws -> [(id: ChannelID, tenantID: String)] {
        if let only {
            return try await store.channel(only, tenantID: filter.tenantID).map { [($0.id, $0.tenantID)] } ?? []
        }
        var ids: [(id: ChannelID, tenantID: String)] = []
        var last: ChannelID?
        while true {
            let page = try await store.channels(filter, after: last, limit: 500)
            ids += page.filter { $0.status != .disconnected }.map { ($0.id, $0.tenantID) }
            last = page.last?.id
            if page.count < 500 { return ids }
        }
    }

    /// Refreshes as a replica of its own, for as long as it takes.
    ///
    /// - Parameter each: called with every report as soon as its part of the list is done.
    package func refresh(
        _ channels: [ChannelID], _ options: RefreshOptions, each: (RefreshReport) -> Void = { _ in }
    ) async throws -> [RefreshReport] {
        let ports = try await RefreshPorts.open(
            self, concurrency: min(settings.limits.concurrency, RefreshPorts.commandConcurrency))
        let logger = LogOutput.logger(settings.log, quiet: true)
        let refresher = ports.refresher(
            self, claimsDue: false, metrics: Metrics(), heartbeats: Heartbeats(), logger: logger)
        let result: Result<[RefreshReport], any Error>
        do {
            result = .success(
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await refresher.run() }
                    var reports: [RefreshReport] = []
                    for start in stride(from: 0, to: channels.count, by: RefreshPorts.commandConcurrency) {
                        let end = min(start + RefreshPorts.commandConcurrency, channels.count)
                        let part = try await refresher.refresh(Array(channels[start..<end]), options)
                        part.forEach(each)
                        reports += part
                    }
                    refresher.stop()
                    try await group.waitForAll()
                    return reports
                })
        } catch {
            result = .failure(error)
        }
        await ports.close()
        return try result.get()
    }

    package func add(_ fields: ChannelFields, actor: AuditActor) async throws -> ChannelID {
        let channel = try intake.channel(fields, now: Date())
        do {
            try await store.insert([channel], replacing: false, actor: actor)
        } catch ChannelDirectoryError.exists {
            throw IntakeError("there is a channel `\(channel.id)` already")
        } catch ChannelDirectoryError.refused(let why) {
            throw IntakeError(why)
        }
        return channel.id
    }

    /// Judges every row before any is inserted.
    ///
    /// - Throws: ``IntakeError`` that names the row, ``ChannelDirectoryError``.
    package func importChannels(
        _ rows: [(place: String, fields: ChannelFields)], replacing: Bool, dryRun: Bool, actor: AuditActor
    ) async throws -> Int {
        var channels: [NewChannel] = []
        var places: [ChannelID: String] = [:]
        let now = Date()
        for (place, fields) in rows {
            let channel: NewChannel
            do {
                channel = try intake.channel(fields, now: now)
            } catch {
                throw IntakeError("\(place): \(error)")
            }
            if let first = places.updateValue(place, forKey: channel.id) {
                throw IntakeError("\(place): the id `\(channel.id)` stands at \(first) already")
            }
            channels.append(channel)
        }
        if !dryRun { try await store.insert(channels, replacing: replacing, actor: actor) }
        return channels.count
    }

    /// `/status` with everything a superadmin sees.
    package func status() async throws -> JSON {
        let health = HealthBoard(heartbeats: Heartbeats(), heartbeatMaxAge: .seconds(60), version: Version.text) {
            .init(isRunning: false, lastRunAt: nil, inFlight: 0)
        }
        let relayed = try await store.relayTotals()
        health.update(
            .init(
                totals: try await store.totals(), incidentsOpen: relayed.openIncidents.values.reduce(0, +),
                deliveriesPending: relayed.pending, deliveriesDead: relayed.dead))
        return health.status(for: Caller(name: "command line", role: .superadmin))
    }

    /// Channels as people and applications handle them.
    package var channels: any ChannelDirectory { store }

    package func incidents(isOpen: Bool?) async throws -> [Incident] {
        try await store.incidents(IncidentQuery(isOpen: isOpen, limit: 500))
    }

    package func link(of channel: ChannelID) async throws -> String? {
        try await repairLinks(publicURL: publicURL(address: nil)).url(of: channel)
    }

    func repairLinks(publicURL: String) -> RepairLinks {
        RepairLinks(incidents: store, authorizations: store, ring: ring, publicURL: publicURL)
    }

    /// The base of links: the operator's, or where this process listens.
    func publicURL(address: String?) -> String {
        settings.publicURL ?? "http://\(address ?? "\(settings.listen.host):\(settings.listen.port)")"
    }
}
