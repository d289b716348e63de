/// Sizes and times of a journal; the defaults suit every installation, tests use smaller ones.
package struct JournalConfiguration: Sendable {
    /// The size of a segment file, set aside on the disk when it is created.
    package var segmentBytes: Int
    /// What one reservation sets aside: a 1 MiB body, and 128 KiB for headers, credential and framing.
    package var slotBytes: Int
    /// How many reservations the disk space set aside must at least hold: the transfers that may be in flight.
    ///
    /// Segments for them are allocated at the start and filled with zeros as they come near.
    package var reservationsReady: Int
    /// How many empty segments may stand behind the one that is written; at least 1.
    package var sparesMax: Int
    /// How long settled answers are kept.
    package var retention: Duration
    /// Settled answers beyond this many bytes of segments are removed earlier, oldest first.
    package var retentionBytes: Int
    /// How often a journal that failed tries the disk again.
    package var probeInterval: Duration

    package init(
        segmentBytes: Int = 64 << 20, slotBytes: Int = 1152 << 10, reservationsReady: Int = 256,
        sparesMax: Int = 16,
        retention: Duration = .seconds(24 * 3600), retentionBytes: Int = 2 << 30, probeInterval: Duration = .seconds(5)
    ) {
        self.segmentBytes = segmentBytes
        self.slotBytes = slotBytes
        self.reservationsReady = reservationsReady
        self.sparesMax = max(1, sparesMax)
        self.retention = retention
        self.retentionBytes = retentionBytes
        self.probeInterval = probeInterval
    }

    /// How many reservations fit into `bytes` of one segment.
    func slots(in bytes: Int) -> Int { max(0, bytes) / slotBytes }

    /// How many reservations fit into a new segment.
    var slotsPerSegment: Int { slots(in: segmentBytes - RecordLayout.segmentHeaderBytes) }
}

/// A step at which tests let the disk fail.
package enum DiskStep: Sendable, Hashable {
    case createSegment
    case zeroSegment
    case synchronizeSegment
    case writeRecords
    case synchronizeRecords
    case writeQuarantine
}

/// The seam for disk faults: asked before each step, an errno makes the step fail.
package struct DiskFaults: Sendable {
    package var fault: @Sendable (DiskStep) -> Int32?

    package init(fault: @escaping @Sendable (DiskStep) -> Int32?) {
        self.fault = fault
    }

    /// The disk decides.
    package static let none = DiskFaults { _ in nil }
}
