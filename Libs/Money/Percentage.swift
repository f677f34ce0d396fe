/// A part of a hundred: the value 80 is 80 %.
package struct Percentage: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// In parts of a hundred.
    package let value: Decimal

    /// So many parts of a hundred.
    package init(_ value: Decimal) {
        self.value = value
    }

    /// What `part` is of `whole`, to `scale` decimals.
    ///
    /// Throws `divisionByZero` for a whole of zero, `currencyMismatch`, `overflow`.
    package init(
        _ part: Money, of whole: Money, scale: Int = 2, _ rounding: Rounding = .halfEven
    ) throws(MoneyError) {
        guard part.currency == whole.currency else {
            throw MoneyError(.currencyMismatch, "amounts of different currencies do not combine")
        }
        value = try part.amount.multiplied(by: 100, dividedBy: whole.amount, scale: scale, rounding: rounding)
    }

    /// The share of an amount, to the nearest minor unit.
    package func of(_ whole: Money, _ rounding: Rounding = .halfEven) throws(MoneyError) -> Money {
        let share = try whole.amount.multiplied(
            by: value, dividedBy: 100, scale: whole.currency.minorUnits, rounding: rounding)
        return try Money(share, whole.currency)
    }

    /// The smaller share is less.
    package static func < (left: Percentage, right: Percentage) -> Bool { left.value < right.value }

    /// The number alone: `80` or `33.33`.
    package var description: String { value.description }
}
