package import Chronology
package import Validation
import Money

/// What somebody sends to change their profile, as it was written; what is absent stays as it is.
package struct ProfileChange: Sendable, Hashable {
    package var displayName: String?
    package var baseCurrency: String?
    package var locale: String?
    package var timeZone: String?

    package init(
        displayName: String? = nil, baseCurrency: String? = nil, locale: String? = nil, timeZone: String? = nil
    ) {
        self.displayName = displayName
        self.baseCurrency = baseCurrency
        self.locale = locale
        self.timeZone = timeZone
    }

    /// Checks the change; what it returns makes it.
    ///
    /// - Parameter isTimeZone: whether there is a time zone of this name.
    /// - Throws: the fields `display_name`, `base_currency`, `locale`, `time_zone` that break a rule.
    package func checked(isTimeZone: (TimeZoneName) -> Bool) throws(ValidationFailure) -> CheckedProfileChange {
        var validator = Validator()
        let name = validator.text("display_name", displayName, maximum: 100)
        let currency = validator.currency("base_currency", baseCurrency)
        if let locale, !LanguageTag.isWellFormed(locale) {
            validator.fail("locale", "invalid_locale", "must be a language tag such as en-GB")
        }
        let zone = timeZone.flatMap(TimeZoneName.init(_:))
        if timeZone != nil, !(zone.map(isTimeZone) ?? false) {
            validator.fail("time_zone", "unknown_time_zone", "must be a time zone such as Europe/Vienna")
        }
        try validator.check()
        return CheckedProfileChange(
            displayName: name, baseCurrency: currency, locale: locale, timeZone: zone?.text)
    }
}

/// A change of a profile that breaks no rule.
package struct CheckedProfileChange: Sendable, Hashable {
    fileprivate let displayName: String?
    fileprivate let baseCurrency: Currency?
    fileprivate let locale: String?
    fileprivate let timeZone: String?

    /// The user after the change; the same user where it changes nothing.
    package func applied(to user: User, at now: Timestamp) -> User {
        let changed = changed(user, version: user.version, at: user.updatedAt)
        return changed == user ? user : self.changed(user, version: user.version + 1, at: now)
    }

    private func changed(_ user: User, version: Int64, at instant: Timestamp) -> User {
        User(
            id: user.id, email: user.email, displayName: displayName ?? user.displayName,
            baseCurrency: baseCurrency ?? user.baseCurrency, locale: locale ?? user.locale,
            timeZone: timeZone ?? user.timeZone, emailVerified: user.emailVerified, roles: user.roles,
            status: user.status, mfaEnabled: user.mfaEnabled, version: version, createdAt: user.createdAt,
            updatedAt: instant)
    }
}

/// The name of a time zone in the shape that the IANA database gives its names: `Europe/Vienna`, `UTC`, `Etc/GMT+3`.
package struct TimeZoneName: Sendable, Hashable {
    package let text: String

    /// Nil where `text` has not the shape of a name; whether there is such a zone is another question.
    package init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard 1...64 ~= text.utf8.count, 1...3 ~= parts.count, parts.allSatisfy(Self.isPart) else { return nil }
        self.text = text
    }

    /// Letters, digits, `_`, `+` and `-`, a capital letter first: no part is a way through a file system.
    private static func isPart(_ part: Substring.UTF8View) -> Bool {
        guard let first = part.first, UInt8(ascii: "A")...UInt8(ascii: "Z") ~= first else { return false }
        return part.allSatisfy { byte in
            UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
                || "_+-".utf8.contains(byte)
        }
    }
}

/// The shape of BCP 47.
package enum LanguageTag {
    /// Whether `text` is a language of letters, then subtags of up to eight letters and digits.
    package static func isWellFormed(_ text: String) -> Bool {
        let subtags = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard text.utf8.count <= 35, let language = subtags.first, 2...8 ~= language.count else { return false }
        return language.allSatisfy(isLetter)
            && subtags.dropFirst().allSatisfy { subtag in
                1...8 ~= subtag.count
                    && subtag.allSatisfy { isLetter($0) || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
            }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
    }
}
