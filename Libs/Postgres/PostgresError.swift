/// A failure of the Postgres library. `description` has neither SQL nor data; `debugDescription` adds the server's own
/// words, which may quote data and belong into no log.
package struct PostgresError: Error, Sendable {
    /// What went wrong.
    package enum Code: Sendable, Hashable {
        /// The server refused a statement; the batch or transaction it was in is rolled back.
        case server(SQLState)
        /// No connection could be made: unreachable, refused, wrong password or database.
        case connectionFailed
        /// The connection broke while work was on its way.
        case connectionLost
        /// The bound of the call has passed.
        case timedOut
        /// The calling task was cancelled.
        case cancelled
        /// The pool had no connection free within the bound, or too many callers wait already.
        case poolExhausted
        /// The pool was shut down.
        case poolClosed
        /// A statement of this transaction failed before: nothing but a rollback is possible.
        case transactionAborted
        /// The transaction or session was used after its end.
        case leaseEnded
        /// A query that cannot be sent, such as one with a NUL in its text or too many parameters.
        case invalidQuery
        /// A value does not have the type or range asked for.
        case typeMismatch
        /// NULL where a value was asked for.
        case unexpectedNull
        /// No such row or column in the result.
        case notFound
        /// A configuration that cannot work.
        case invalidConfiguration
        /// The database's migration history differs from the program's.
        case migrationHistoryChanged
        /// The database has migrations that the program does not know.
        case schemaTooNew
        /// The program has migrations that the database does not have.
        case schemaTooOld
        /// libpq or the server did what the protocol does not allow.
        case protocolViolation
    }

    /// What went wrong.
    package let code: Code
    /// An explanation without SQL and without data.
    package let message: String
    /// The constraint that was violated, for the integrity errors of class 23.
    package let constraintName: String?
    /// The server's own message; it may quote data.
    package let serverMessage: String?
    /// Whether the work may have been committed although an error is reported.
    package let isOutcomeUnknown: Bool

    let isStaleStatement: Bool

    /// Makes an error of the library's own.
    package init(_ code: Code, _ message: String, isOutcomeUnknown: Bool = false, serverMessage: String? = nil) {
        self.init(
            code: code, message: message, constraintName: nil, serverMessage: serverMessage,
            isOutcomeUnknown: isOutcomeUnknown, isStaleStatement: false)
    }

    init(
        code: Code, message: String, constraintName: String?, serverMessage: String?, isOutcomeUnknown: Bool,
        isStaleStatement: Bool
    ) {
        self.code = code
        self.message = message
        self.constraintName = constraintName
        self.serverMessage = serverMessage
        self.isOutcomeUnknown = isOutcomeUnknown
        self.isStaleStatement = isStaleStatement
    }

    func withOutcomeUnknown(_ isUnknown: Bool) -> PostgresError {
        PostgresError(
            code: code, message: message, constraintName: constraintName, serverMessage: serverMessage,
            isOutcomeUnknown: isUnknown, isStaleStatement: isStaleStatement)
    }

    /// Whether the same call may succeed later without a change by the caller. Where `isOutcomeUnknown` is set too, the
    /// caller must repeat only what is idempotent.
    package var isRetriable: Bool {
        switch code {
        case .server(let state): state.isRetriable || isStaleStatement
        case .connectionFailed, .connectionLost, .timedOut, .poolExhausted: true
        default: false
        }
    }

    /// Whether the transaction lost against a concurrent one (serialization failure or deadlock): rolled back, safe to
    /// run again from its start.
    package var isConflict: Bool { sqlState == .serializationFailure || sqlState == .deadlockDetected }

    /// The server's condition, nil for errors of the library.
    package var sqlState: SQLState? {
        if case .server(let state) = code { state } else { nil }
    }

    /// Whether a unique constraint (the named one, or any) refused the row.
    package func isUniqueViolation(of constraint: String? = nil) -> Bool {
        sqlState == .uniqueViolation && (constraint == nil || constraint == constraintName)
    }
}

extension PostgresError: CustomStringConvertible, CustomDebugStringConvertible {
    /// The code and the explanation; free of SQL and of data.
    package var description: String {
        var text =
            switch code {
            case .server(let state): "server \(state.text)"
            default: "\(code)"
            }
        if !message.isEmpty { text += ": \(message)" }
        if let constraintName { text += " (constraint \(constraintName))" }
        if isOutcomeUnknown { text += " (outcome unknown)" }
        return text
    }

    /// `description` and the server's own message; for a developer's eyes.
    package var debugDescription: String {
        guard let serverMessage else { return description }
        return "\(description) [\(serverMessage)]"
    }
}
