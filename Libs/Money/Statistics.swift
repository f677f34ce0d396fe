/// Figures of a sample of numbers, exact until the one rounding at the end of each step.
package enum Statistics {
    /// The arithmetic mean to `scale` decimals; throws `divisionByZero` for no values.
    package static func mean(_ values: [Decimal], scale: Int) throws(MoneyError) -> Decimal {
        try Decimal.sum(values).divided(by: Decimal(values.count), scale: scale)
    }

    /// The standard deviation of a sample (divisor n − 1) to `scale` decimals.
    ///
    /// The mean and the squares are held to `min(18, 2 × scale)` decimals. Throws `divisionByZero` for fewer than two
    /// values.
    package static func standardDeviation(_ values: [Decimal], scale: Int) throws(MoneyError) -> Decimal {
        guard 0...Decimal.maximumScale ~= scale else { throw Decimal.scaleOutOfDomain }
        guard values.count > 1 else { throw MoneyError(.divisionByZero, "a deviation needs two values or more") }
        let precision = min(Decimal.maximumScale, 2 * scale)
        let mean = try mean(values, scale: precision)
        var squares = Decimal.zero
        for value in values {
            let distance = try value - mean
            try squares += distance.multiplied(by: distance, scale: precision)
        }
        return try squares.divided(by: Decimal(values.count - 1), scale: precision).squareRoot(scale: scale)
    }
}
