/// One field of a request that breaks a rule.
package struct RequestFieldError: Sendable, Equatable {
    /// Where: a path such as `splits.0.amount.currency`, or a parameter's name; empty for the whole body.
    package let field: String
    /// The rule, such as `required`.
    package let code: String
    /// The rule in words, without the value.
    package let message: String

    package init(field: String, code: String, message: String) {
        self.field = field
        self.code = code
        self.message = message
    }
}

/// All that is wrong with a request at the HTTP edge: its fields by path, at most 100 of each class.
package struct RequestFieldErrors: Error, Sendable, Equatable, CustomStringConvertible {
    /// How many faults of a class are kept.
    static let limit = 100

    /// The request cannot be read: wrong types, unknown fields, duplicate keys. Status 400.
    package private(set) var malformed: [RequestFieldError] = []
    /// The request can be read but breaks a rule: something required is missing, or too long. Status 422.
    package private(set) var invalid: [RequestFieldError] = []

    package init() {}

    /// Whether the request cannot be read.
    package var isMalformed: Bool { !malformed.isEmpty }

    /// Whether nothing is wrong.
    package var isEmpty: Bool { malformed.isEmpty && invalid.isEmpty }

    /// 400 when the request cannot be read, else 422.
    package var status: Int { isMalformed ? 400 : 422 }

    /// What to answer: the faults of the class that decides the status.
    package var errors: [RequestFieldError] { isMalformed ? malformed : invalid }

    /// The same request is refused again.
    package var isRetriable: Bool { false }

    package var description: String {
        "request refused: " + errors.map { "\($0.field): \($0.code)" }.joined(separator: ", ")
    }

    mutating func addMalformed(_ field: String, _ code: String, _ message: String) {
        guard malformed.count < Self.limit else { return }
        malformed.append(RequestFieldError(field: field, code: code, message: message))
    }

    mutating func addInvalid(_ field: String, _ code: String, _ message: String) {
        guard invalid.count < Self.limit else { return }
        invalid.append(RequestFieldError(field: field, code: code, message: message))
    }
}
