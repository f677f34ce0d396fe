/// What becomes of the part of a number that does not fit the scale asked for.
package enum Rounding: Sendable, CaseIterable {
    /// To the nearest; a tie goes to the even neighbour. Has no bias over many amounts.
    case halfEven
    /// To the nearest; a tie goes away from zero, as on an invoice.
    case halfUp
    /// To the nearest; a tie goes toward zero.
    case halfDown
    /// Toward zero.
    case down
    /// Away from zero.
    case up
    /// Toward negative infinity.
    case floor
    /// Toward positive infinity.
    case ceiling

    /// Whether the magnitude grows by one unit, when what is left over lies there.
    func growsMagnitude(leftover: Leftover, isOdd: Bool, isNegative: Bool) -> Bool {
        guard leftover != .nothing else { return false }
        switch self {
        case .down: return false
        case .up: return true
        case .floor: return isNegative
        case .ceiling: return !isNegative
        case .halfEven: return leftover == .aboveHalf || (leftover == .half && isOdd)
        case .halfUp: return leftover != .belowHalf
        case .halfDown: return leftover == .aboveHalf
        }
    }
}

/// Where the remainder of a division lies between zero and its divisor.
enum Leftover {
    case nothing, belowHalf, half, aboveHalf

    init(remainder: UInt128, divisor: UInt128) {
        // Written as a difference because twice the remainder may not fit.
        let rest = divisor - remainder
        if remainder == 0 {
            self = .nothing
        } else if remainder == rest {
            self = .half
        } else {
            self = remainder < rest ? .belowHalf : .aboveHalf
        }
    }
}
