/// Why a text or a set of numbers is not a date, an instant or an identifier.
package struct ChronologyError: Error, Hashable, CustomStringConvertible {
    /// The rule that was broken; the raw value is stable and fits a problem's `code`.
    package enum Code: String, Sendable {
        /// Not `YYYY-MM-DD`, or a day that the calendar does not have.
        case invalidDate = "invalid_date"
        /// Not an RFC 3339 date-time, or one that no clock shows (leap seconds among them).
        case invalidTimestamp = "invalid_timestamp"
        /// Not the 36 characters or 16 bytes of a version 7 UUID (RFC 9562).
        case invalidIdentifier = "invalid_identifier"
    }

    /// The rule that was broken.
    package let code: Code
    /// What was expected, without the input.
    package let message: String

    /// An error with its rule and what was expected.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Always false: the same input stays wrong.
    package var isRetriable: Bool { false }

    /// Code and message.
    package var description: String { "\(code.rawValue): \(message)" }
}
