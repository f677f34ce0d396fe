/// One field of a request that breaks a rule.
package struct FieldError: Sendable, Hashable {
    /// Path of the field as the client wrote it, such as `amount.currency` or `splits.1.amount`.
    package let field: String
    /// Stable code of the rule, such as `required` or `out_of_range`.
    package let code: String
    /// The rule in words, without the value that broke it.
    package let message: String

    package init(field: String, code: String, message: String) {
        self.field = field
        self.code = code
        self.message = message
    }
}

/// A request that breaks rules: every broken rule at once, never none.
package struct ValidationFailure: Error, Sendable, Hashable {
    package let errors: [FieldError]

    package init(_ errors: [FieldError]) {
        precondition(!errors.isEmpty, "a validation failure names at least one field")
        self.errors = errors
    }

    /// The failure of a single field.
    package init(field: String, code: String, message: String) {
        self.init([FieldError(field: field, code: code, message: message)])
    }
}
