/// An exact amount of one currency, always at the scale of its minor unit: `12.30 EUR`, `1230 JPY`.
package struct Money: Sendable, Hashable {
    /// The amount in the currency's major unit, its scale that of the minor unit.
    package let amount: Decimal
    /// The currency, which fixes the scale.
    package let currency: Currency

    /// Which signs an amount from outside may have.
    package enum SignRule: Sendable {
        case any, nonNegative, positive
    }

    /// The most digits before the point that an amount from outside may have.
    package static let maximumIntegerDigits = 12

    /// Throws `tooManyDecimals` where the minor unit cannot hold the amount exactly.
    package init(_ amount: Decimal, _ currency: Currency) throws(MoneyError) {
        let scaled = try amount.rounded(scale: currency.minorUnits, .down)
        guard scaled == amount else { throw Self.tooManyDecimals(currency) }
        self.init(scaled: scaled, currency)
    }

    /// The amount to the nearest minor unit, by the given rule.
    package init(rounding amount: Decimal, _ currency: Currency, _ rounding: Rounding = .halfEven) throws(MoneyError) {
        self.init(scaled: try amount.rounded(scale: currency.minorUnits, rounding), currency)
    }

    /// Reads an amount from outside: plain notation, at most 12 digits before the point and the currency's minor units
    /// after it, and a sign that the rule allows.
    package init(
        amount: String, currency code: String, sign: SignRule = .any
    ) throws(MoneyError) {
        try self.init(amount: amount, currency: Currency(code: code), sign: sign)
    }

    /// Reads an amount from outside in a known currency; the rules of the initializer for two strings.
    package init(amount text: String, currency: Currency, sign: SignRule = .any) throws(MoneyError) {
        let amount = try Decimal(
            parsing: text, maximumIntegerDigits: Self.maximumIntegerDigits, maximumScale: currency.minorUnits)
        if sign != .any, amount.isNegative {
            throw MoneyError(.negativeAmount, "a negative amount is not allowed here")
        }
        if sign == .positive, amount.isZero { throw MoneyError(.zeroAmount, "an amount of zero is not allowed here") }
        self.init(scaled: try amount.rounded(scale: currency.minorUnits), currency)
    }

    /// A whole number of minor units: 1230 with EUR is `12.30 EUR`.
    package init(minorUnits: Int64, _ currency: Currency) throws(MoneyError) {
        self.init(scaled: try Decimal(mantissa: Int128(minorUnits), scale: currency.minorUnits), currency)
    }

    private init(scaled: Decimal, _ currency: Currency) {
        amount = scaled
        self.currency = currency
    }

    /// Nothing, in the given currency.
    package static func zero(_ currency: Currency) throws(MoneyError) -> Money {
        try Money(minorUnits: 0, currency)
    }

    /// Whether the amount is 0.
    package var isZero: Bool { amount.isZero }
    /// Whether the amount is below 0.
    package var isNegative: Bool { amount.isNegative }
    /// Whether the amount is above 0.
    package var isPositive: Bool { amount.isPositive }

    private static func tooManyDecimals(_ currency: Currency) -> MoneyError {
        MoneyError(.tooManyDecimals, "at most \(currency.minorUnits) decimals in this currency")
    }
}

extension Money: CustomStringConvertible {
    /// `12.30 EUR`.
    package var description: String { "\(amount) \(currency)" }
}

// MARK: - Arithmetic within one currency

extension Money {
    /// The exact sum; throws `currencyMismatch` or `overflow`.
    package static func + (left: Money, right: Money) throws(MoneyError) -> Money {
        try left.requireSameCurrency(right)
        return Money(scaled: try left.amount + right.amount, left.currency)
    }

    /// The exact difference; throws `currencyMismatch` or `overflow`.
    package static func - (left: Money, right: Money) throws(MoneyError) -> Money {
        try left + (-right)
    }

    /// The amount with the other sign.
    package static prefix func - (value: Money) -> Money { Money(scaled: -value.amount, value.currency) }

    /// Adds exactly; throws `currencyMismatch` or `overflow`.
    package static func += (left: inout Money, right: Money) throws(MoneyError) { left = try left + right }

    /// Subtracts exactly; throws `currencyMismatch` or `overflow`.
    package static func -= (left: inout Money, right: Money) throws(MoneyError) { left = try left - right }

    /// Throws `currencyMismatch`.
    package static func < (left: Money, right: Money) throws(MoneyError) -> Bool {
        try left.requireSameCurrency(right)
        return left.amount < right.amount
    }

    /// Throws `currencyMismatch`.
    package static func > (left: Money, right: Money) throws(MoneyError) -> Bool { try right < left }

    /// Throws `currencyMismatch`.
    package static func <= (left: Money, right: Money) throws(MoneyError) -> Bool { try !(right < left) }

    /// Throws `currencyMismatch`.
    package static func >= (left: Money, right: Money) throws(MoneyError) -> Bool { try !(left < right) }

    /// The exact sum of all; throws `currencyMismatch` at the first amount of another currency.
    package static func sum(_ values: some Sequence<Money>, in currency: Currency) throws(MoneyError) -> Money {
        var total = try Money.zero(currency)
        for value in values { try total += value }
        return total
    }

    /// The product to the nearest minor unit, by the given rule.
    package func multiplied(by factor: Decimal, _ rounding: Rounding = .halfEven) throws(MoneyError) -> Money {
        Money(
            scaled: try amount.multiplied(by: factor, scale: currency.minorUnits, rounding: rounding), currency)
    }

    private func requireSameCurrency(_ other: Money) throws(MoneyError) {
        guard currency == other.currency else {
            throw MoneyError(.currencyMismatch, "amounts of different currencies do not combine")
        }
    }
}
