/// What was found in the segments of ended processes.
package struct JournalScanReport: Sendable, Equatable {
    package var segments = 0
    package var records = 0
    /// Places where a record should start and none does.
    ///
    /// The torn end of a killed process is one.
    package var badHeaders = 0
    /// Records whose body is not what was written.
    package var badBodies = 0
    /// A sentence for each segment with damage that is not a torn end, or that cannot be read.
    package var sentences: [String] = []

    package init() {}
}
