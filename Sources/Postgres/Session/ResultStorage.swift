import CLibpq

/// Owns one `PGresult`; freed exactly once, here.
///
/// Rows decode their columns from it when asked.
///
/// `@unchecked Sendable`: libpq never changes a result once it is handed out, and its read functions take no locks.
@safe final class ResultStorage: @unchecked Sendable {
    private let result: OpaquePointer
    let rowCount: Int
    /// Names of the columns, of a result that has rows: few enough to be looked through.
    private let columns: [String]

    /// Takes the result over.
    init(_ result: OpaquePointer) {
        unsafe self.result = result
        rowCount = unsafe Int(PQntuples(result))
        let columnCount = rowCount > 0 ? unsafe PQnfields(result) : 0
        columns = (0..<columnCount).map { unsafe PQfname(result, $0).map { unsafe String(cString: $0) } ?? "?" }
    }

    deinit { unsafe PQclear(result) }

    var status: ExecStatusType { unsafe PQresultStatus(result) }

    /// What the server calls it: `INSERT 0 3`, `COMMIT`.
    var commandTag: String { unsafe PQcmdStatus(result).map { unsafe String(cString: $0) } ?? "" }

    /// Rows that the statement wrote or returned; 0 for others.
    var affected: Int { unsafe PQcmdTuples(result).flatMap { unsafe Int(String(cString: $0)) } ?? 0 }

    /// Types of a described statement's parameters.
    var parameterTypes: [Oid] { unsafe (0..<PQnparams(result)).map { unsafe PQparamtype(result, $0) } }

    func index(of column: PostgresColumn) -> Int? {
        switch column {
        case .name(let name): columns.firstIndex(of: name)
        case .index(let index): columns.indices.contains(index) ? index : nil
        }
    }

    func columnName(_ column: Int) -> String { columns[column] }

    func type(_ column: Int) -> Oid { unsafe PQftype(result, Int32(column)) }

    /// The bytes of one value, valid while the storage lives; nil for NULL.
    ///
    /// Both indices must be in range.
    @unsafe func bytes(row: Int, column: Int) -> UnsafeRawBufferPointer? {
        let (row, column) = (Int32(row), Int32(column))
        guard unsafe PQgetisnull(result, row, column) == 0 else { return nil }
        return unsafe UnsafeRawBufferPointer(
            start: PQgetvalue(result, row, column), count: Int(PQgetlength(result, row, column)))
    }

    /// An error field of the result, see `shim.h`.
    func field(_ code: Int) -> String? { unsafe Self.field(code, of: result) }

    @unsafe static func field(_ code: Int, of result: OpaquePointer?) -> String? {
        unsafe PQresultErrorField(result, Int32(code)).map { unsafe String(cString: $0) }
    }
}
