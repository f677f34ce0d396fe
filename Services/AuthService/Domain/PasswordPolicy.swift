package import Validation

/// Which passwords are accepted: length counts, not composition, and none that is guessed first (NIST SP 800-63B-4, section
/// 3.1.1.2). What is accepted is kept as typed, of whatever script.
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
        if let email, isAddress(password, email) {
            validator.fail(field, "equals_email", "must differ from the e-mail address")
        } else if CommonPasswords.contains(password) {
            validator.fail(field, "too_common", "is one of those that are guessed first")
        }
    }

    /// Whether a password is the address, or what stands before the `@`, also with digits and signs around it.
    private static func isAddress(_ password: String, _ email: EmailAddress) -> Bool {
        let lowered = password.lowercased()
        let local = String(email.key.prefix { $0 != "@" })
        return lowered == email.key || lowered == local || CommonPasswords.isMade(of: local, lowered)
    }
}
