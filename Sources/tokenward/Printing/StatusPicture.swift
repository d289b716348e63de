import API
import Domain
import FoundationEssentials

/// How things stand, for eyes: a bar for each provider on a terminal, plain columns elsewhere.
struct StatusPicture: Sendable {
    static let barWidth = 30
    static let schedulesMax = 5

    /// Of `/status`, as a superadmin sees it.
    var status: JSON
    /// Some of the channels in warning, each with the link that mends it.
    var warnings: [(channel: Channel, link: String?)]
    var schedules: [Schedule]

    func lines(hasBars: Bool, now: Date) -> [String] {
        let isHealthy = status["healthy"] == true
        var lines = [isHealthy ? Terminal.paint("healthy", .green) : Terminal.paint("needs attention", .yellow)]
        let order = ["total", "active", "warning", "paused", "disconnected", "overdue"]
        lines.append(order.map { "\($0) \(number(status["channels"]?[$0]))" }.joined(separator: ", "))
        lines += providers(hasBars: hasBars, now: now) + humans(now: now) + comingUp(now: now)
        lines.append(
            "incidents open \(number(status["incidents"]?["open"])), deliveries pending "
                + "\(number(status["deliveries"]?["pending"])), dead \(number(status["deliveries"]?["dead"]))")
        return lines
    }

    private func providers(hasBars: Bool, now: Date) -> [String] {
        guard case .object(let providers)? = status["providers"], !providers.isEmpty else { return [] }
        let sorted = providers.sorted { $0.key < $1.key }
        let most = sorted.map { number($0.value["channels"]) }.max() ?? 0
        var rows: [[String]] = [["provider", "channels", "warning", "soonest expiry"]]
        if hasBars { rows[0].append("") }
        for (name, provider) in sorted {
            let (channels, warning) = (number(provider["channels"]), number(provider["warning"]))
            let expiry = provider["expiresAt"]?.text
            rows.append([name, "\(channels)", "\(warning)", expiry ?? "—"])
            guard hasBars else { continue }
            rows[rows.count - 1][3] = expiry.flatMap(Date.init(rfc3339:)).map { distance(to: $0, from: now) } ?? "—"
            rows[rows.count - 1].append(Self.bar(channels: channels, warning: warning, of: most))
        }
        return Terminal.columns(rows)
    }

    /// Whole cells for a share of the longest bar; whatever exists has one.
    static func bar(channels: Int, warning: Int, of most: Int) -> String {
        func cells(_ count: Int) -> Int {
            count == 0 || most == 0 ? 0 : max(1, Int((Double(count) / Double(most) * Double(barWidth)).rounded()))
        }
        let bad = cells(warning)
        let good = max(channels > warning ? 1 : 0, cells(channels) - bad)
        return Terminal.paint(String(repeating: "█", count: good), .green)
            + Terminal.paint(String(repeating: "▒", count: bad), .yellow)
    }

    private func humans(now: Date) -> [String] {
        guard !warnings.isEmpty else { return [] }
        var lines = [Terminal.paint("needs a human", .bold)]
        let rows = warnings.map { channel, link in
            [
                "  " + channel.id.rawValue, channel.provider, channel.warning?.reason.rawValue ?? "warning",
                channel.warning?.since.map { distance(to: $0, from: now) } ?? "",
                link ?? "tokenward channels explain \(channel.id)",
            ]
        }
        lines += Terminal.columns(rows)
        let more = number(status["channels"]?["warning"]) - warnings.count
        if more > 0 { lines.append("  and \(more) more: tokenward channels list --status warning") }
        return lines
    }

    private func comingUp(now: Date) -> [String] {
        var rows: [(at: Date, what: String)] = schedules.compactMap { schedule in
            schedule.nextAt.map { ($0, "\(schedule.work.kind.rawValue) \(schedule.tenantID ?? "")") }
        }.sorted { $0.0 < $1.0 }
        rows = Array(rows.prefix(Self.schedulesMax))
        if let due = status["scheduler"]?["nextDueAt"]?.text.flatMap(Date.init(rfc3339:)) {
            rows.append((due, "the next channel is due"))
        }
        guard !rows.isEmpty else { return [] }
        return [Terminal.paint("next", .bold)]
            + Terminal.columns(
                rows.sorted { $0.at < $1.at }.map { ["  " + $0.at.rfc3339, distance(to: $0.at, from: now), $0.what] })
    }

    /// `in 41 min`, `3 h ago`.
    private func distance(to time: Date, from now: Date) -> String {
        let seconds = time.timeIntervalSince(now)
        let size = abs(seconds)
        let text =
            switch size {
            case ..<60: "\(Int(size)) s"
            case ..<5400: "\(Int(size / 60)) min"
            case ..<172_800: "\(Int(size / 3600)) h"
            default: "\(Int(size / 86_400)) d"
            }
        return seconds < 0 ? "\(text) ago" : "in \(text)"
    }

    private func number(_ value: JSON?) -> Int {
        guard case .int(let number)? = value else { return 0 }
        return Int(number)
    }
}
