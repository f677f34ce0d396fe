package import Chronology
import Money

/// Somebody as another issuer knows them.
package struct ExternalIdentity: Sendable, Hashable {
    /// The issuer's own name for itself, a URL: what its subjects are unique within.
    package let issuer: String
    package let subject: String
    /// As the issuer has it; nil where it tells none.
    package let email: String?
    /// Whether the issuer has seen that the address is theirs.
    package let isEmailVerified: Bool
    package let name: String?
    package let locale: String?

    package init(
        issuer: String, subject: String, email: String?, isEmailVerified: Bool, name: String? = nil,
        locale: String? = nil
    ) {
        self.issuer = issuer
        self.subject = subject
        self.email = email
        self.isEmailVerified = isEmailVerified
        self.name = name
        self.locale = locale
    }

    /// The address, where the issuer vouches for it.
    package var verifiedEmail: EmailAddress? { isEmailVerified ? email.flatMap(EmailAddress.init(_:)) : nil }

    /// The user that they become here; nil without a verified address.
    ///
    /// What the issuer says of name and language is taken as far as it is within the rules.
    package func user(id: UUIDv7 = .make(), at now: Timestamp) -> User? {
        guard let address = verifiedEmail, let euro = try? Currency(code: "EUR") else { return nil }
        let tag = locale?.replacing("_", with: "-")
        return User(
            id: id, email: address, displayName: displayName(address), baseCurrency: euro,
            locale: tag.flatMap { LanguageTag.isWellFormed($0) ? $0 : nil } ?? "en", timeZone: "UTC",
            emailVerified: true, roles: [.user], version: 1, createdAt: now, updatedAt: now)
    }

    /// The name in at most 100 characters; what stands before the `@` where there is none.
    private func displayName(_ address: EmailAddress) -> String {
        var kept = String.UnicodeScalarView()
        kept.append(
            contentsOf: (name ?? "").unicodeScalars.lazy.filter { $0.properties.generalCategory != .control }
                .prefix(100))
        let hasLetters = kept.contains { !$0.properties.isWhitespace }
        return hasLetters ? String(kept) : String(address.text.prefix { $0 != "@" })
    }
}
