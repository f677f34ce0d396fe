package import Chronology

/// How much of `quote` one unit of `base` was worth on a day, by whom.
package struct ExchangeRate: Sendable, Hashable {
    /// The currency that one unit is taken of.
    package let base: Currency
    /// The currency that the rate counts in.
    package let quote: Currency
    /// Units of `quote` for one unit of `base`; above zero.
    package let rate: Decimal
    /// The day that the source gives the rate for.
    package let date: CalendarDate
    /// Who published it, such as `ECB`.
    package let source: String

    /// Throws `outOfDomain` for a rate that is not above zero, or one other than 1 between a currency and itself.
    package init(
        base: Currency, quote: Currency, rate: Decimal, date: CalendarDate, source: String
    ) throws(MoneyError) {
        guard rate.isPositive, base != quote || rate == 1 else {
            throw MoneyError(.outOfDomain, "a rate is above zero, and 1 between a currency and itself")
        }
        self.base = base
        self.quote = quote
        self.rate = rate
        self.date = date
        self.source = source
    }

    /// The amount of `quote` that an amount of `base` was worth, to the nearest minor unit.
    ///
    /// Throws `currencyMismatch` for an amount of another currency, `overflow`.
    package func convert(_ money: Money, _ rounding: Rounding = .halfEven) throws(MoneyError) -> Money {
        guard money.currency == base else {
            throw MoneyError(.currencyMismatch, "the rate is for another currency")
        }
        let converted = try money.amount.multiplied(by: rate, scale: quote.minorUnits, rounding: rounding)
        return try Money(converted, quote)
    }

    /// The rate the other way, to `scale` decimals.
    package func inverted(scale: Int = 12) throws(MoneyError) -> ExchangeRate {
        try ExchangeRate(
            base: quote, quote: base, rate: Decimal.one.divided(by: rate, scale: scale), date: date, source: source)
    }

    /// The rate from this base to the other's quote, through the currency between them, to `scale` decimals, with the
    /// older day of the two.
    ///
    /// Throws `currencyMismatch` where the two do not meet.
    package func chained(with next: ExchangeRate, scale: Int = 12) throws(MoneyError) -> ExchangeRate {
        guard quote == next.base else {
            throw MoneyError(.currencyMismatch, "the rates share no currency between them")
        }
        return try ExchangeRate(
            base: base, quote: next.quote, rate: rate.multiplied(by: next.rate, scale: scale),
            date: min(date, next.date), source: source == next.source ? source : "\(source), \(next.source)")
    }
}
