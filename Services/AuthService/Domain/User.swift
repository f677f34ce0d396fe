package import Chronology
package import Money
package import Validation

/// What a user may do beyond their own data.
package enum Role: String, Sendable, CaseIterable {
    case user
    case admin
}

/// Whether an account may be used.
package enum AccountStatus: String, Sendable, CaseIterable {
    case active
    /// Taken out of use by an administrator: nobody signs in, nothing that was given out before is accepted.
    case locked
}

/// Somebody with an account.
package struct User: Sendable, Hashable {
    package let id: UUIDv7
    package let email: EmailAddress
    package let displayName: String
    package let baseCurrency: Currency
    /// A BCP 47 language tag.
    package let locale: String
    package let timeZone: String
    package let emailVerified: Bool
    package let roles: [Role]
    package let status: AccountStatus
    /// Whether a code is asked for beside the password.
    package let mfaEnabled: Bool
    package let version: Int64
    package let createdAt: Timestamp
    package let updatedAt: Timestamp

    package init(
        id: UUIDv7, email: EmailAddress, displayName: String, baseCurrency: Currency, locale: String, timeZone: String,
        emailVerified: Bool, roles: [Role], status: AccountStatus = .active, mfaEnabled: Bool = false, version: Int64,
        createdAt: Timestamp, updatedAt: Timestamp
    ) {
        self.id = id
        self.email = email
        self.displayName = displayName
        self.baseCurrency = baseCurrency
        self.locale = locale
        self.timeZone = timeZone
        self.emailVerified = emailVerified
        self.roles = roles
        self.status = status
        self.mfaEnabled = mfaEnabled
        self.version = version
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// What somebody who registers sends, as it was written.
package struct RegistrationRequest: Sendable {
    package var email: String
    package var password: String
    package var displayName: String
    package var baseCurrency: String?
    package var locale: String?

    package init(
        email: String, password: String, displayName: String, baseCurrency: String? = nil, locale: String? = nil
    ) {
        self.email = email
        self.password = password
        self.displayName = displayName
        self.baseCurrency = baseCurrency
        self.locale = locale
    }

    /// Checks the request and makes the user, not yet verified.
    ///
    /// - Throws: the fields `email`, `password`, `display_name`, `base_currency`, `locale` that break a rule.
    package func user(id: UUIDv7 = .make(), at now: Timestamp) throws(ValidationFailure) -> User {
        var validator = Validator()
        let address = validator.email("email", email)
        PasswordPolicy.check("password", password, email: address, &validator)
        let name: String? = validator.text("display_name", displayName, maximum: 100)
        let currency: Currency? = validator.currency("base_currency", baseCurrency ?? "EUR")
        if let locale, !LanguageTag.isWellFormed(locale) {
            validator.fail("locale", "invalid_locale", "must be a language tag such as en-GB")
        }
        return User(
            id: id, email: try validator.checked(address), displayName: try validator.checked(name),
            baseCurrency: try validator.checked(currency), locale: locale ?? "en", timeZone: "UTC",
            emailVerified: false, roles: [.user], version: 1, createdAt: now, updatedAt: now)
    }
}
