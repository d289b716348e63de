import CLibpq

/// Collects the notices of the running statement.
///
/// Used on the session's thread only: libpq calls back from there.
final class NoticeLog {
    private var notices: [PostgresNotice] = []
    private static let countMax = 32

    func add(_ notice: PostgresNotice) {
        if notices.count < Self.countMax { notices.append(notice) }
    }

    /// The notices so far; the next statement starts with none.
    func take() -> [PostgresNotice] {
        defer { notices.removeAll(keepingCapacity: true) }
        return notices
    }
}

/// libpq's notice receiver; it keeps the result's ownership.
///
/// `context` is an unretained ``NoticeLog``.
func receiveNotice(_ context: UnsafeMutableRawPointer?, _ result: OpaquePointer?) {
    guard let context = unsafe context else { return }
    let state = unsafe SQLState(rawValue: ResultStorage.field(FIELD_SQLSTATE, of: result) ?? "00000")
    let message = unsafe ResultStorage.field(FIELD_MESSAGE, of: result) ?? ""
    let notice = unsafe PostgresNotice(
        severity: ResultStorage.field(FIELD_SEVERITY, of: result) ?? "NOTICE", state: state,
        message: ServerMessage.redacted(message, state: state))
    unsafe Unmanaged<NoticeLog>.fromOpaque(context).takeUnretainedValue().add(notice)
}
