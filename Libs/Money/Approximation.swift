// Floating point is for estimates alone (the search for an internal rate of return, charts); never for an amount.

extension Decimal {
    /// The nearest floating-point number, for estimates.
    package var approximation: Double {
        Double(mantissa) / Double(PowersOfTen[scale])
    }

    /// The estimate as a decimal, to `scale` decimals, ties to even.
    ///
    /// Throws `outOfDomain` for what is not a finite number, `overflow` past 38 digits.
    package init(approximating estimate: Double, scale: Int) throws(MoneyError) {
        guard estimate.isFinite else { throw MoneyError(.outOfDomain, "the estimate is not a finite number") }
        guard 0...Self.maximumScale ~= scale else { throw Self.scaleOutOfDomain }
        let scaled = (estimate * Double(PowersOfTen[scale])).rounded(.toNearestOrEven)
        guard let mantissa = Int128(exactly: scaled) else { throw MoneyError.overflow }
        try self.init(mantissa: mantissa, scale: scale)
    }
}
