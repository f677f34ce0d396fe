package import Money

/// `numeric` in its binary form: groups of four decimal digits, the power of 10,000 of the first one, a sign, the number
/// of decimals shown. No floating point on the way.
extension Decimal: PostgresEncodable, PostgresDecodable {
    package static var postgresType: PostgresType { .numeric }

    package func encode(into bytes: inout [UInt8]) {
        var rest = mantissa.magnitude
        var groups: [Int16] = []  // lowest first
        let partial = scale % 4
        if partial != 0 {
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: powerOfTen(partial))
            groups.append(Int16(remainder * powerOfTen(4 - partial)))
            rest = quotient
        }
        while rest != 0 {
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 10_000)
            groups.append(Int16(remainder))
            rest = quotient
        }
        let fractionGroups = (scale + 3) / 4
        let weight = groups.count - fractionGroups - 1
        let trailing = groups.prefix { $0 == 0 }.count
        let kept = groups[trailing...]
        bytes.appendBigEndian(Int16(kept.count))
        bytes.appendBigEndian(Int16(kept.isEmpty ? 0 : weight))
        bytes.appendBigEndian(isNegative ? NumericSign.negative : NumericSign.positive)
        bytes.appendBigEndian(UInt16(scale))
        for group in kept.reversed() { bytes.appendBigEndian(group) }
    }

    /// Refuses what `Decimal` cannot hold exactly (more than 18 decimals that are not zero, more than 38 digits), and NaN
    /// and the infinities.
    package static func decode(_ bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) -> Decimal {
        var offset = 0
        guard type == .numeric, let count = bytes.integer(Int16.self, at: &offset), count >= 0,
            let weight = bytes.integer(Int16.self, at: &offset), let sign = bytes.integer(UInt16.self, at: &offset),
            let shown = bytes.integer(UInt16.self, at: &offset),
            sign == NumericSign.positive || sign == NumericSign.negative
        else { throw mismatch(type) }
        let scale = min(Int(shown), maximumScale)
        var magnitude = NumericMagnitude(scale: scale)
        for index in 0..<Int(count) {
            guard let group = bytes.integer(Int16.self, at: &offset), 0..<10_000 ~= group,
                magnitude.append(UInt128(group), exponent: 4 * (Int(weight) - index))
            else { throw mismatch(type) }
        }
        guard let value = magnitude.value, let mantissa = Int128(exactly: value) else { throw mismatch(type) }
        do {
            return try Decimal(mantissa: sign == NumericSign.negative ? -mantissa : mantissa, scale: scale)
        } catch {
            throw mismatch(type)
        }
    }
}

private enum NumericSign {
    static let positive: UInt16 = 0x0000
    static let negative: UInt16 = 0x4000
}

/// Gathers groups of four digits, highest first, into an integer of units of 10^-scale.
private struct NumericMagnitude {
    private let scale: Int
    private var units: UInt128 = 0
    /// The power of ten that the lowest digit gathered still misses.
    private var missing = 0

    init(scale: Int) { self.scale = scale }

    /// False when the digits do not fit, or are finer than the scale.
    mutating func append(_ group: UInt128, exponent: Int) -> Bool {
        let shift = exponent + scale
        if shift <= -4 { return group == 0 }
        let dropped = max(0, -shift)
        let (kept, lost) = group.quotientAndRemainder(dividingBy: powerOfTen(dropped))
        guard lost == 0 else { return false }
        let (scaled, overflow) = units.multipliedReportingOverflow(by: powerOfTen(4 - dropped))
        let (sum, carry) = scaled.addingReportingOverflow(kept)
        units = sum
        missing = max(0, shift)
        return !overflow && !carry
    }

    /// Nil when it does not fit.
    var value: UInt128? {
        guard units != 0 else { return 0 }
        guard missing <= 38 else { return nil }
        let (product, overflow) = units.multipliedReportingOverflow(by: powerOfTen(missing))
        return overflow ? nil : product
    }
}

/// 10^exponent, for exponents of 0 to 38.
private func powerOfTen(_ exponent: Int) -> UInt128 {
    var power: UInt128 = 1
    for _ in 0..<exponent { power *= 10 }
    return power
}
