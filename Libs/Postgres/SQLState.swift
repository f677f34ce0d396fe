/// The five characters with which PostgreSQL names a condition (SQL standard; PostgreSQL 15 manual, appendix A).
package struct SQLState: Sendable, Hashable, CustomStringConvertible {
    /// The five characters, such as `23505`.
    package let text: String

    package init(_ text: String) { self.text = text }

    /// The first two characters, such as `23` for integrity constraint violations.
    package var conditionClass: String { String(text.prefix(2)) }

    package var description: String { text }

    /// `unique_violation`
    package static let uniqueViolation = SQLState("23505")
    /// `foreign_key_violation`
    package static let foreignKeyViolation = SQLState("23503")
    /// `check_violation`
    package static let checkViolation = SQLState("23514")
    /// `not_null_violation`
    package static let notNullViolation = SQLState("23502")
    /// `exclusion_violation`
    package static let exclusionViolation = SQLState("23P01")
    /// `serialization_failure`
    package static let serializationFailure = SQLState("40001")
    /// `deadlock_detected`
    package static let deadlockDetected = SQLState("40P01")
    /// `query_canceled`, by a cancel request or by `statement_timeout`
    package static let queryCanceled = SQLState("57014")
    /// `lock_not_available`
    package static let lockNotAvailable = SQLState("55P03")
    /// `undefined_table`
    package static let undefinedTable = SQLState("42P01")
    /// `in_failed_sql_transaction`
    package static let inFailedTransaction = SQLState("25P02")
    /// `invalid_sql_statement_name`: the prepared statement is not there
    package static let invalidStatementName = SQLState("26000")
    /// `feature_not_supported`
    package static let featureNotSupported = SQLState("0A000")

    /// Whether the same work may succeed later without a change: serialization and deadlock (the rest of class 40 is
    /// not known to be rolled back), connections (08), resources (53), operator intervention (57P01 to 57P05), locks.
    package var isRetriable: Bool {
        switch conditionClass {
        case "08", "53": true
        case "40": self == .serializationFailure || self == .deadlockDetected
        case "57": text.hasPrefix("57P0")
        default: self == .lockNotAvailable
        }
    }
}
