package import Validation

/// Which passwords are accepted: length counts, not composition (NIST SP 800-63B, section 5.1.1.2).
package enum PasswordPolicy {
    /// In Unicode scalars, as typed.
    package static let lengths = 8...128

    /// What of a presented password is worth checking: none is longer, so what is cut off could not have been right.
    package static func bounded(_ password: String) -> String {
        String(String.UnicodeScalarView(password.unicodeScalars.prefix(lengths.upperBound + 1)))
    }

    /// Notes what speaks against `password`.
    package static func check(
        _ field: String, _ password: String, email: EmailAddress?, _ validator: inout Validator
    ) {
        let length = password.unicodeScalars.count
        guard length > 0 else { return validator.fail(field, "required", "must not be empty") }
        if length < lengths.lowerBound {
            validator.fail(field, "too_short", "must have at least \(lengths.lowerBound) characters")
        }
        if length > lengths.upperBound {
            validator.fail(field, "too_long", "must have at most \(lengths.upperBound) characters")
        }
        if let email, password.lowercased() == email.key {
            validator.fail(field, "equals_email", "must differ from the e-mail address")
        }
    }
}
