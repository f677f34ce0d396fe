extension Money {
    /// Splits into shares in proportion to the weights, without losing or making a minor unit.
    ///
    /// Each share is its exact proportion cut toward zero; the minor units that are left go one each to the shares that
    /// lost the most, the earlier first among equals. Throws `outOfDomain` for a negative weight or a sum of zero.
    package func allocated(by weights: [Decimal]) throws(MoneyError) -> [Money] {
        let weights = try Self.integers(weights)
        var total: UInt128 = 0
        for weight in weights {
            let (sum, overflow) = total.addingReportingOverflow(weight)
            guard !overflow else { throw MoneyError.overflow }
            total = sum
        }
        guard total > 0 else { throw MoneyError(.outOfDomain, "the weights must have a positive sum") }
        let units = amount.mantissa.magnitude
        // A weight is at most the total, so that no quotient exceeds the amount.
        let cuts = weights.map { total.dividingFullWidth(units.multipliedFullWidth(by: $0)) }
        var shares = cuts.map(\.quotient)
        let left = Int(units - shares.reduce(0, +))
        let byLoss = cuts.indices.sorted { cuts[$0].remainder > cuts[$1].remainder }
        for index in byLoss.prefix(left) { shares[index] += 1 }
        var result: [Money] = []
        result.reserveCapacity(shares.count)
        for share in shares {
            let part = try Decimal(isNegative: isNegative, magnitude: share, scale: currency.minorUnits)
            result.append(try Money(part, currency))
        }
        return result
    }

    /// Splits into `count` shares that differ by at most one minor unit, the larger ones first.
    ///
    /// Throws `outOfDomain` for a count below one.
    package func allocated(equally count: Int) throws(MoneyError) -> [Money] {
        guard count > 0 else { throw MoneyError(.outOfDomain, "an amount is split into one share or more") }
        return try allocated(by: Array(repeating: 1, count: count))
    }

    /// The weights as integers of one scale.
    private static func integers(_ weights: [Decimal]) throws(MoneyError) -> [UInt128] {
        let scale = weights.reduce(0) { max($0, $1.scale) }
        var integers: [UInt128] = []
        integers.reserveCapacity(weights.count)
        for weight in weights {
            guard !weight.isNegative else { throw MoneyError(.outOfDomain, "a weight is not negative") }
            integers.append(try weight.rounded(scale: scale).mantissa.magnitude)
        }
        return integers
    }
}
