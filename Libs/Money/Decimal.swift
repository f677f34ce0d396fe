/// An exact decimal number: `mantissa / 10^scale`, at most 38 digits, at most 18 of them decimals.
///
/// Nothing traps or wraps: what cannot be held throws `MoneyError`. The scale is kept as given (`12.50` stays `12.50`),
/// but equality, order and hash are of the value: `12.5 == 12.50`.
package struct Decimal: Sendable {
    /// The digits with their sign, as an integer; its magnitude is below 10^38.
    package let mantissa: Int128
    private let storedScale: UInt8

    /// The number of decimals, 0 to 18.
    package var scale: Int { Int(storedScale) }

    /// The most decimals that a number can have.
    package static let maximumScale = 18
    /// The most digits that a number can have, decimals among them.
    package static let maximumDigits = 38

    /// 0 without decimals.
    package static let zero = Decimal(integer: 0)
    /// 1 without decimals.
    package static let one = Decimal(integer: 1)

    /// `mantissa / 10^scale`.
    ///
    /// Throws `overflow` beyond 38 digits, `outOfDomain` for a scale outside 0 to 18.
    package init(mantissa: Int128, scale: Int) throws(MoneyError) {
        guard 0...Self.maximumScale ~= scale else { throw Self.scaleOutOfDomain }
        guard mantissa.magnitude < PowersOfTen.limit else { throw MoneyError.overflow }
        self.mantissa = mantissa
        storedScale = UInt8(scale)
    }

    /// The integer itself, scale 0.
    ///
    /// Every `Int` fits.
    package init(_ integer: Int) {
        self.init(integer: Int128(integer))
    }

    private init(integer: Int128) {
        mantissa = integer
        storedScale = 0
    }

    init(isNegative: Bool, magnitude: UInt128, scale: Int) throws(MoneyError) {
        guard magnitude < PowersOfTen.limit else { throw MoneyError.overflow }
        try self.init(mantissa: isNegative ? -Int128(magnitude) : Int128(magnitude), scale: scale)
    }

    /// Whether the value is 0 at any scale.
    package var isZero: Bool { mantissa == 0 }
    /// Whether the value is below 0.
    package var isNegative: Bool { mantissa < 0 }
    /// Whether the value is above 0.
    package var isPositive: Bool { mantissa > 0 }

    /// The distance from zero, at the same scale.
    package var magnitude: Decimal { isNegative ? -self : self }

    /// The same value at the smallest scale that holds it: `12.50` becomes `12.5`, `0.00` becomes `0`.
    package var normalized: Decimal {
        guard mantissa != 0 else { return .zero }
        var digits = mantissa
        var places = storedScale
        while places > 0 {
            let (quotient, remainder) = digits.quotientAndRemainder(dividingBy: 10)
            guard remainder == 0 else { break }
            digits = quotient
            places -= 1
        }
        return Decimal(uncheckedMantissa: digits, scale: places)
    }

    private init(uncheckedMantissa: Int128, scale: UInt8) {
        mantissa = uncheckedMantissa
        storedScale = scale
    }

    /// The value with the other sign, at the same scale; always fits.
    package static prefix func - (value: Decimal) -> Decimal {
        // The range is symmetric, so that a negation always fits.
        Decimal(uncheckedMantissa: -value.mantissa, scale: value.storedScale)
    }

    static var scaleOutOfDomain: MoneyError { MoneyError(.outOfDomain, "a scale is 0 to 18") }
}

extension Decimal: ExpressibleByIntegerLiteral {
    /// A whole number written in code.
    package init(integerLiteral value: Int) {
        self.init(value)
    }
}

extension Decimal: Hashable, Comparable {
    /// Equal values, whatever their scales.
    package static func == (left: Decimal, right: Decimal) -> Bool {
        if left.storedScale == right.storedScale { return left.mantissa == right.mantissa }
        return left.order(against: right) == 0
    }

    /// Smaller value, whatever the scales.
    package static func < (left: Decimal, right: Decimal) -> Bool {
        if left.storedScale == right.storedScale { return left.mantissa < right.mantissa }
        return left.order(against: right) < 0
    }

    /// Equal values hash alike, whatever their scales.
    package func hash(into hasher: inout Hasher) {
        let value = normalized
        hasher.combine(value.mantissa)
        hasher.combine(value.storedScale)
    }

    /// Below, at or above zero as `self` is less than, equal to or greater than `other`.
    private func order(against other: Decimal) -> Int {
        let signs = (mantissa.signum(), other.mantissa.signum())
        guard signs.0 == signs.1 else { return signs.0 < signs.1 ? -1 : 1 }
        // 38 digits times 10^18 needs more than 128 bits.
        let left = mantissa.magnitude.multipliedFullWidth(by: PowersOfTen[max(0, other.scale - scale)])
        let right = other.mantissa.magnitude.multipliedFullWidth(by: PowersOfTen[max(0, scale - other.scale)])
        if left.high == right.high && left.low == right.low { return 0 }
        let isSmaller = left.high == right.high ? left.low < right.low : left.high < right.high
        return isSmaller == (signs.0 > 0) ? -1 : 1
    }
}

/// 10^0 to 10^38, which bounds every mantissa.
enum PowersOfTen {
    private static let table: [UInt128] = {
        var powers: [UInt128] = [1]
        for _ in 1...38 { powers.append(powers[powers.count - 1] * 10) }
        return powers
    }()

    static let limit: UInt128 = table[38]

    static subscript(_ exponent: Int) -> UInt128 { table[exponent] }
}
