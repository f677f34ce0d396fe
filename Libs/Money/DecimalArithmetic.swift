// Sums and products are exact or throw. Whatever may need rounding says its scale and its rounding.

extension Decimal {
    /// The exact sum, at the larger scale.
    ///
    /// Throws `overflow`.
    package static func + (left: Decimal, right: Decimal) throws(MoneyError) -> Decimal {
        let scale = max(left.scale, right.scale)
        let (sum, overflow) = try left.mantissa(at: scale).addingReportingOverflow(right.mantissa(at: scale))
        guard !overflow else { throw MoneyError.overflow }
        return try Decimal(mantissa: sum, scale: scale)
    }

    /// The exact difference, at the larger scale.
    ///
    /// Throws `overflow`.
    package static func - (left: Decimal, right: Decimal) throws(MoneyError) -> Decimal {
        try left + (-right)
    }

    /// The exact product, at the sum of the scales or, past 18, at 18.
    ///
    /// Throws `overflow`, or `inexact` where 18 decimals do not hold it: use `multiplied(by:scale:rounding:)` there.
    package static func * (left: Decimal, right: Decimal) throws(MoneyError) -> Decimal {
        let product = left.mantissa.magnitude.multipliedFullWidth(by: right.mantissa.magnitude)
        let isNegative = left.isNegative != right.isNegative
        let excess = left.scale + right.scale - maximumScale
        guard excess > 0 else {
            guard product.high == 0 else { throw MoneyError.overflow }
            return try Decimal(isNegative: isNegative, magnitude: product.low, scale: left.scale + right.scale)
        }
        let divisor = PowersOfTen[excess]
        guard product.high < divisor else { throw MoneyError.overflow }
        let (quotient, remainder) = divisor.dividingFullWidth(product)
        guard remainder == 0 else {
            throw MoneyError(.inexact, "the product has more than 18 decimals")
        }
        return try Decimal(isNegative: isNegative, magnitude: quotient, scale: maximumScale)
    }

    /// Adds exactly; throws `overflow`.
    package static func += (left: inout Decimal, right: Decimal) throws(MoneyError) { left = try left + right }

    /// Subtracts exactly; throws `overflow`.
    package static func -= (left: inout Decimal, right: Decimal) throws(MoneyError) { left = try left - right }

    /// The exact sum of all; zero for none.
    ///
    /// Throws `overflow`.
    package static func sum(_ values: some Sequence<Decimal>) throws(MoneyError) -> Decimal {
        var total = Decimal.zero
        for value in values { try total += value }
        return total
    }

    /// The product, rounded once, to `scale` decimals.
    ///
    /// Throws `overflow`.
    package func multiplied(
        by factor: Decimal, scale: Int, rounding: Rounding = .halfEven
    ) throws(MoneyError) -> Decimal {
        try Self.checkScale(scale)
        let product = mantissa.magnitude.multipliedFullWidth(by: factor.mantissa.magnitude)
        return try Self.quotient(
            of: product, dividedBy: 1, shift: scale - self.scale - factor.scale,
            isNegative: isNegative != factor.isNegative, scale: scale, rounding: rounding)
    }

    /// The quotient, rounded once, to `scale` decimals.
    ///
    /// Throws `divisionByZero` or `overflow`.
    package func divided(
        by divisor: Decimal, scale: Int, rounding: Rounding = .halfEven
    ) throws(MoneyError) -> Decimal {
        try Self.checkScale(scale)
        guard !divisor.isZero else { throw MoneyError(.divisionByZero, "the divisor is zero") }
        return try Self.quotient(
            of: (high: 0, low: mantissa.magnitude), dividedBy: divisor.mantissa.magnitude,
            shift: scale + divisor.scale - self.scale, isNegative: isNegative != divisor.isNegative, scale: scale,
            rounding: rounding)
    }

    /// `self × factor ÷ divisor`, rounded once, to `scale` decimals: a proportion without an error in between.
    ///
    /// Throws `divisionByZero`, or `overflow` (also where the product alone passes 38 digits and the scale asks for
    /// more).
    package func multiplied(
        by factor: Decimal, dividedBy divisor: Decimal, scale: Int, rounding: Rounding = .halfEven
    ) throws(MoneyError) -> Decimal {
        try Self.checkScale(scale)
        guard !divisor.isZero else { throw MoneyError(.divisionByZero, "the divisor is zero") }
        return try Self.quotient(
            of: mantissa.magnitude.multipliedFullWidth(by: factor.mantissa.magnitude),
            dividedBy: divisor.mantissa.magnitude, shift: scale + divisor.scale - self.scale - factor.scale,
            isNegative: (isNegative != factor.isNegative) != divisor.isNegative, scale: scale, rounding: rounding)
    }

    /// The value at `scale` decimals: rounded to fewer, or filled with zeros to more (which may throw `overflow`).
    package func rounded(scale: Int, _ rounding: Rounding = .halfEven) throws(MoneyError) -> Decimal {
        guard scale != self.scale else { return self }
        try Self.checkScale(scale)
        return try Self.quotient(
            of: (high: 0, low: mantissa.magnitude), dividedBy: 1, shift: scale - self.scale, isNegative: isNegative,
            scale: scale, rounding: rounding)
    }

    /// The square root to `scale` decimals, to the nearest.
    ///
    /// Throws `outOfDomain` below zero, `overflow` where the number with twice as many decimals passes 38 digits.
    package func squareRoot(scale: Int) throws(MoneyError) -> Decimal {
        try Self.checkScale(scale)
        guard !isNegative else { throw MoneyError(.outOfDomain, "a negative number has no square root") }
        let shift = 2 * scale - self.scale
        let (scaled, overflow) = mantissa.magnitude.multipliedReportingOverflow(by: PowersOfTen[max(0, shift)])
        guard !overflow else { throw MoneyError.overflow }
        let power = PowersOfTen[max(0, -shift)]
        let (radicand, dropped) = scaled.quotientAndRemainder(dividingBy: power)
        let root = Self.integerSquareRoot(radicand)
        // Half way lies at root² + root + 1/4.
        let past = radicand - root * root
        let isPastHalf = past > root || (past == root && 4 * dropped > power)
        return try Decimal(isNegative: false, magnitude: isPastHalf ? root + 1 : root, scale: scale)
    }

    // MARK: - Integers underneath

    private static func checkScale(_ scale: Int) throws(MoneyError) {
        guard 0...maximumScale ~= scale else { throw scaleOutOfDomain }
    }

    /// The mantissa of the same value at a scale that is not smaller.
    private func mantissa(at scale: Int) throws(MoneyError) -> Int128 {
        guard scale > self.scale else { return mantissa }
        let (scaled, overflow) = mantissa.multipliedReportingOverflow(by: Int128(PowersOfTen[scale - self.scale]))
        guard !overflow else { throw MoneyError.overflow }
        return scaled
    }

    /// `dividend × 10^shift ÷ divisor` as the mantissa of a number of the given sign and scale.
    private static func quotient(
        of dividend: (high: UInt128, low: UInt128), dividedBy divisor: UInt128, shift: Int, isNegative: Bool,
        scale: Int, rounding: Rounding
    ) throws(MoneyError) -> Decimal {
        var dividend = dividend
        var divisor = divisor
        if shift > 0 {
            guard dividend.high == 0 else { throw MoneyError.overflow }
            dividend = dividend.low.multipliedFullWidth(by: PowersOfTen[shift])
        } else if shift < 0 {
            let (scaled, overflow) = divisor.multipliedReportingOverflow(by: PowersOfTen[-shift])
            guard !overflow else {
                return try quotient(of: dividend, hugeDivisor: (divisor, -shift), isNegative, scale, rounding)
            }
            divisor = scaled
        }
        guard dividend.high < divisor else { throw MoneyError.overflow }
        let (quotient, remainder) = divisor.dividingFullWidth(dividend)
        let grows = rounding.growsMagnitude(
            leftover: Leftover(remainder: remainder, divisor: divisor), isOdd: quotient & 1 == 1,
            isNegative: isNegative)
        return try Decimal(isNegative: isNegative, magnitude: grows ? quotient + 1 : quotient, scale: scale)
    }

    /// The case of a divisor past 128 bits: divides by its power of ten first, then by its other factor.
    private static func quotient(
        of dividend: (high: UInt128, low: UInt128), hugeDivisor: (factor: UInt128, exponent: Int), _ isNegative: Bool,
        _ scale: Int, _ rounding: Rounding
    ) throws(MoneyError) -> Decimal {
        let power = PowersOfTen[hugeDivisor.exponent]
        guard dividend.high < power else { throw MoneyError.overflow }
        let first = power.dividingFullWidth(dividend)
        let second = first.quotient.quotientAndRemainder(dividingBy: hugeDivisor.factor)
        let grows = rounding.growsMagnitude(
            leftover: leftover(
                second.remainder, of: hugeDivisor.factor,
                then: Leftover(remainder: first.remainder, divisor: power)),
            isOdd: second.quotient & 1 == 1, isNegative: isNegative)
        return try Decimal(
            isNegative: isNegative, magnitude: grows ? second.quotient + 1 : second.quotient, scale: scale)
    }

    /// Where `remainder` plus a fraction `finer` of one lies in `divisor`.
    private static func leftover(_ remainder: UInt128, of divisor: UInt128, then finer: Leftover) -> Leftover {
        guard finer != .nothing else { return Leftover(remainder: remainder, divisor: divisor) }
        let half = divisor / 2
        guard remainder == half else { return remainder < half ? .belowHalf : .aboveHalf }
        // Of an even divisor the half itself is passed; of an odd one the fraction decides.
        return divisor.isMultiple(of: 2) ? .aboveHalf : finer
    }

    /// The largest integer whose square is not above `value` (Newton's method from above).
    private static func integerSquareRoot(_ value: UInt128) -> UInt128 {
        guard value > 1 else { return value }
        var root: UInt128 = 1 << UInt128((128 - value.leadingZeroBitCount + 1) / 2)
        while true {
            let next = (root + value / root) / 2
            guard next < root else { return root }
            root = next
        }
    }
}
