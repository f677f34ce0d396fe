package import Chronology
package import Money

/// Turns the texts of a request into values and collects what breaks a rule, so that a client sees all of it at once.
///
/// Each reading method answers the value, or nil after it has noted the error. `check()` throws what was noted; after it
/// every value that was read is present.
package struct Validator: Sendable {
    /// What broke a rule so far, in the order it was noted.
    package private(set) var errors: [FieldError] = []

    package init() {}

    /// Notes that `field` breaks a rule.
    package mutating func fail(_ field: String, _ code: String, _ message: String) {
        errors.append(FieldError(field: field, code: code, message: message))
    }

    /// Throws when anything was noted.
    package func check() throws(ValidationFailure) {
        if !errors.isEmpty { throw ValidationFailure(errors) }
    }

    /// The checked value of a reading method, after `check()` or as the last step: throws what was noted.
    package func checked<Value>(_ value: Value?) throws(ValidationFailure) -> Value {
        try check()
        guard let value else {
            preconditionFailure("a value is missing although no rule was broken")
        }
        return value
    }

    /// A text of 1 to `maximum` Unicode scalars without control characters, not of white space alone.
    package mutating func text(_ field: String, _ value: String, maximum: Int) -> String? {
        guard value.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else {
            fail(field, "required", "must not be empty")
            return nil
        }
        guard value.unicodeScalars.count <= maximum else {
            fail(field, "too_long", "must have at most \(maximum) characters")
            return nil
        }
        guard !value.unicodeScalars.contains(where: Self.isForbidden) else {
            fail(field, "control_character", "must not contain control characters")
            return nil
        }
        return value
    }

    /// As `text`, for a field that may be absent.
    package mutating func text(_ field: String, _ value: String?, maximum: Int) -> String? {
        guard let value else { return nil }
        return text(field, value, maximum: maximum)
    }

    /// A day `YYYY-MM-DD` within `range`.
    package mutating func date(
        _ field: String, _ value: String, in range: ClosedRange<CalendarDate> = Validator.plausibleDays
    ) -> CalendarDate? {
        guard !value.isEmpty else {
            fail(field, "required", "must be a date such as 2026-11-20")
            return nil
        }
        guard let date = CalendarDate(iso: value) else {
            fail(field, "invalid_date", "must be a date such as 2026-11-20")
            return nil
        }
        guard range.contains(date) else {
            fail(field, "out_of_range", "must lie between \(range.lowerBound) and \(range.upperBound)")
            return nil
        }
        return date
    }

    /// As `date`, for a field that may be absent.
    package mutating func date(_ field: String, _ value: String?) -> CalendarDate? {
        guard let value else { return nil }
        return date(field, value)
    }

    /// An identifier in the text form of RFC 9562, version 7.
    package mutating func identifier(_ field: String, _ value: String) -> UUIDv7? {
        do {
            return try UUIDv7(parsing: value)
        } catch {
            fail(field, value.isEmpty ? "required" : "invalid_id", "must be an identifier that this API gave out")
            return nil
        }
    }

    /// As `identifier`, for a field that may be absent.
    package mutating func identifier(_ field: String, _ value: String?) -> UUIDv7? {
        guard let value else { return nil }
        return identifier(field, value)
    }

    /// One of the texts that `Choice` knows.
    package mutating func choice<Choice>(_ field: String, _ value: String) -> Choice?
    where Choice: RawRepresentable<String> & CaseIterable {
        if let choice = Choice(rawValue: value) { return choice }
        let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        fail(field, value.isEmpty ? "required" : "unknown_value", "must be one of \(known)")
        return nil
    }

    /// A whole number in `range`.
    package mutating func number(_ field: String, _ value: Int64, in range: ClosedRange<Int64>) -> Int64? {
        guard range.contains(value) else {
            fail(field, "out_of_range", "must lie between \(range.lowerBound) and \(range.upperBound)")
            return nil
        }
        return value
    }

    /// A decimal in plain notation, above zero.
    package mutating func positiveDecimal(
        _ field: String, _ value: String, maximumIntegerDigits: Int, maximumScale: Int
    ) -> Decimal? {
        guard !value.isEmpty else {
            fail(field, "required", "must be a decimal such as 12.5")
            return nil
        }
        do {
            let decimal = try Decimal(
                parsing: value, maximumIntegerDigits: maximumIntegerDigits, maximumScale: maximumScale)
            guard decimal.isPositive else {
                fail(field, "not_positive", "must be above zero")
                return nil
            }
            return decimal
        } catch {
            fail(field, error.code.rawValue, error.message)
            return nil
        }
    }

    /// An ISO 4217 code that money can be held in.
    package mutating func currency(_ field: String, _ value: String) -> Currency? {
        do {
            return try Currency(code: value)
        } catch {
            fail(field, value.isEmpty ? "required" : error.code.rawValue, error.message)
            return nil
        }
    }

    /// As `currency`, for a field that may be absent.
    package mutating func currency(_ field: String, _ value: String?) -> Currency? {
        guard let value else { return nil }
        return currency(field, value)
    }

    /// An amount above zero (or from zero on) in the notation of the public contract: at most 12 digits before the point and
    /// the currency's minor units after it. Notes `<field>.amount` or `<field>.currency`.
    package mutating func money(
        _ field: String, amount: String, currency: String, allowsZero: Bool = false
    ) -> Money? {
        guard let currency = self.currency("\(field).currency", currency) else { return nil }
        do {
            return try Money(amount: amount, currency: currency, sign: allowsZero ? .nonNegative : .positive)
        } catch {
            fail("\(field).amount", amount.isEmpty ? "required" : error.code.rawValue, error.message)
            return nil
        }
    }

    /// The days that a fact of somebody's finances may have: 1900-01-01 to 2199-12-31.
    package static let plausibleDays: ClosedRange<CalendarDate> = {
        guard let first = CalendarDate(iso: "1900-01-01"), let last = CalendarDate(iso: "2199-12-31") else {
            preconditionFailure("the bounds are dates")
        }
        return first...last
    }()

    /// Control characters, but for tab and line feed in a note; NUL cannot be held by PostgreSQL at all.
    private static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
        // Those of ASCII are known without the tables of Unicode.
        let isControl =
            scalar.isASCII ? scalar.value < 0x20 || scalar.value == 0x7F : scalar.properties.generalCategory == .control
        return isControl && scalar != "\n" && scalar != "\t"
    }
}
