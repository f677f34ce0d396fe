internal import CPQ

/// The owner of one `PGresult`.
///
/// C rule: a result is an object of its own and stays valid after its connection is gone (PostgreSQL 15, 34.3).
// @unchecked Sendable: libpq never changes a result once PQgetResult has returned it, and we only read.
@safe final class ResultHandle: @unchecked Sendable {
    private let result: OpaquePointer

    /// Takes over the result, and with it the duty to clear it.
    init(owning result: OpaquePointer) { unsafe self.result = result }

    deinit { unsafe PQclear(result) }

    /// What the result reports.
    enum Verdict { case success, failure, skipped, sync, unsupported }

    var verdict: Verdict {
        switch unsafe PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: .success
        case PGRES_PIPELINE_SYNC: .sync
        case PGRES_PIPELINE_ABORTED: .skipped
        case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH: .unsupported
        default: .failure
        }
    }

    var rowCount: Int { unsafe Int(PQntuples(result)) }
    var columnCount: Int { unsafe Int(PQnfields(result)) }

    /// Rows that INSERT, UPDATE, DELETE or SELECT touched; 0 for other commands.
    var affectedRows: Int { unsafe Int(String(cString: PQcmdTuples(result))) ?? 0 }

    /// The command tag, such as `COMMIT` or `INSERT 0 1`.
    var commandTag: String { unsafe String(cString: PQcmdStatus(result)) }

    func columnName(_ column: Int) -> String {
        guard let name = unsafe PQfname(result, Int32(column)) else { return "" }
        return unsafe String(cString: name)
    }

    func type(of column: Int) -> PostgresType { unsafe PostgresType(oid: PQftype(result, Int32(column))) }

    /// Calls `body` with the value's bytes, nil for NULL. Row and column must exist.
    func withValue<T>(
        row: Int, column: Int, _ body: (Span<UInt8>?) throws(PostgresError) -> T
    ) throws(PostgresError) -> T {
        guard unsafe PQgetisnull(result, Int32(row), Int32(column)) == 0,
            let value = unsafe PQgetvalue(result, Int32(row), Int32(column))
        else { return try body(nil) }
        let length = unsafe Int(PQgetlength(result, Int32(row), Int32(column)))
        // The bytes live as long as the result, which `self` keeps until after the call.
        let buffer = unsafe UnsafeBufferPointer(
            start: UnsafeRawPointer(value).assumingMemoryBound(to: UInt8.self), count: length)
        defer { withExtendedLifetime(self) {} }
        return try unsafe body(buffer.span)
    }

    /// One field of an error report, nil when the server sent none.
    func errorField(_ field: ErrorField) -> String? {
        unsafe PQresultErrorField(result, field.code).map { unsafe String(cString: $0) }
    }

    /// The fields of an error or notice (PostgreSQL 15, 55.8).
    enum ErrorField: Character {
        case severity = "V"
        case sqlState = "C"
        case message = "M"
        case table = "t"
        case column = "c"
        case constraint = "n"
        case routine = "R"

        fileprivate var code: Int32 { Int32(rawValue.asciiValue ?? 0) }
    }

    /// The error that this result reports. One without SQLSTATE is libpq's own: the connection broke.
    func error() -> PostgresError {
        guard let state = errorField(.sqlState).map({ SQLState($0) }) else {
            let words = unsafe String(cString: PQresultErrorMessage(result))
            return PostgresError(.connectionLost, "the connection broke", serverMessage: words)
        }
        let isStale =
            state == .invalidStatementName
            || (state == .featureNotSupported && errorField(.routine) == "RevalidateCachedQuery")
        return PostgresError(
            code: .server(state), message: "", constraintName: errorField(.constraint) ?? notNullConstraint(state),
            serverMessage: errorField(.message), isOutcomeUnknown: false, isStaleStatement: isStale)
    }
    /// The name that PostgreSQL 18 gives to a column's NOT NULL; versions before report the column alone.
    private func notNullConstraint(_ state: SQLState) -> String? {
        guard state == .notNullViolation, let table = errorField(.table), let column = errorField(.column) else {
            return nil
        }
        return "\(table)_\(column)_not_null"
    }
}
