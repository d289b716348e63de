package import FoundationEssentials

/// One header of an HTTP message; names compare without regard to case.
package struct HeaderField: Sendable, Equatable, Codable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// A provider's 2xx answer with all that is needed to store it without reading the row (PROTOCOL §5 ANSWER).
package struct JournalAnswer: Sendable, Equatable {
    package var key: ClaimKey
    package var tenantID: String
    package var provider: String
    package var appID: String
    package var secretIndex: Int
    package var grantID: Int64
    package var base: Int64
    /// Claim's database time + local time elapsed to the send.
    package var requestedAt: Date
    package var presented: Credential
    package var catalogueRevision: String
    package var status: Int
    package var headers: [HeaderField]
    /// At most 1 MiB; what was read.
    package var body: [UInt8]
    package var isCut: Bool
    package var isOverLong: Bool

    package init(
        key: ClaimKey, tenantID: String, provider: String, appID: String, secretIndex: Int, grantID: Int64, base: Int64,
        requestedAt: Date, presented: Credential, catalogueRevision: String, status: Int, headers: [HeaderField],
        body: [UInt8], isCut: Bool, isOverLong: Bool
    ) {
        self.key = key
        self.tenantID = tenantID
        self.provider = provider
        self.appID = appID
        self.secretIndex = secretIndex
        self.grantID = grantID
        self.base = base
        self.requestedAt = requestedAt
        self.presented = presented
        self.catalogueRevision = catalogueRevision
        self.status = status
        self.headers = headers
        self.body = body
        self.isCut = isCut
        self.isOverLong = isOverLong
    }
}

/// Space set aside in the journal for one answer; given back by ``AnswerJournal/release(_:)`` or used by `append`.
package struct JournalReservation: Sendable, Hashable {
    package let id: UInt64

    package init(id: UInt64) {
        self.id = id
    }
}

/// What ended processes left behind (PROTOCOL §5 settle).
package struct JournalRecovery: Sendable {
    /// ANSWERs without DONE; highest attempt per channel first.
    package var answers: [JournalAnswer]
    /// EXCHANGEs without DONE: answers to authorization codes.
    package var exchanges: [JournalAnswer]
    /// CLAIMs without ANSWER or DONE.
    package var claims: [ClaimKey]
    /// Entries that were set aside because they cannot be read, each with a sentence.
    package var quarantined: [String]

    package init(
        answers: [JournalAnswer] = [], exchanges: [JournalAnswer] = [], claims: [ClaimKey] = [],
        quarantined: [String] = []
    ) {
        self.answers = answers
        self.exchanges = exchanges
        self.claims = claims
        self.quarantined = quarantined
    }
}

/// The journal cannot take another answer: refreshes of rotating providers wait.
package enum JournalError: Error, Sendable, Equatable {
    case full
    case failed(String)
    /// The directory is held by another process.
    case locked(String)
}

/// The local write-ahead file that holds a rotating provider's answer before anything else is done with it.
package protocol AnswerJournal: Sendable {
    /// Sets bytes aside for header, credential and a 1 MiB body. Never blocks on the disk.
    func reserve() throws(JournalError) -> JournalReservation
    /// Gives an unused reservation back.
    func release(_ reservation: JournalReservation)
    /// Notes claims; not synced, rides with the next group.
    func noteClaims(_ keys: [ClaimKey])
    /// Returns after the record is on the disk (`fdatasync` by group). Uses the reservation up, also when it throws.
    ///
    /// An answer whose key is ``ClaimKey/authorization(_:)`` is kept as an EXCHANGE.
    func append(_ answer: JournalAnswer, using reservation: JournalReservation) async throws(JournalError)
    /// Notes that entries are settled; not synced.
    func noteDone(_ keys: [ClaimKey])
    /// Entries of ended processes that are still open. Called once, before the first claim.
    func recover() async throws(JournalError) -> JournalRecovery
    /// Sets an entry aside that cannot be stored: file, metric, event.
    func quarantine(_ key: ClaimKey, because sentence: String) async
    /// Open entries and health, for metrics and readiness.
    func standing() -> JournalStanding
}

/// Counters of the journal for `/metrics` and readiness.
package struct JournalStanding: Sendable, Equatable {
    package var openEntries: Int
    package var retainedEntries: Int
    package var quarantinedEntries: Int
    /// A sentence when answers cannot be kept; nil when well.
    package var failure: String?

    package init(openEntries: Int, retainedEntries: Int, quarantinedEntries: Int, failure: String?) {
        self.openEntries = openEntries
        self.retainedEntries = retainedEntries
        self.quarantinedEntries = quarantinedEntries
        self.failure = failure
    }
}
