/// A message or an event that does not keep its contract.
package struct ContractError: Error, Equatable, CustomStringConvertible {
    /// What is wrong.
    package enum Code: String, Sendable {
        /// The bytes are not an encoded message of this type.
        case malformedMessage = "malformed_message"
        /// A string is not UTF-8.
        case invalidUTF8 = "invalid_utf8"
        /// A string contains NUL, which neither protobuf-c nor PostgreSQL can hold.
        case containsNUL = "contains_nul"
        /// The message needs more memory than a message may.
        case tooLarge = "too_large"
        /// The text of an event is not JSON.
        case malformedEvent = "malformed_event"
        /// A field of an event breaks a rule of its schema.
        case invalidField = "invalid_field"
    }

    /// What is wrong.
    package let code: Code
    /// The field, as a path such as `limit.amount`; empty for the whole.
    package let field: String
    /// The rule that is broken, without data.
    package let message: String

    package init(_ code: Code, field: String = "", message: String = "") {
        self.code = code
        self.field = field
        self.message = message
    }

    /// The same bytes are refused again.
    package var isRetriable: Bool { false }

    package var description: String {
        let place = field.isEmpty ? "" : " in \(field)"
        return message.isEmpty ? "\(code.rawValue)\(place)" : "\(code.rawValue)\(place): \(message)"
    }
}
