/// A figure that may not exist: a value, or the reason why there is none. It is never zero for want of data.
package enum Figure<Value: Sendable & Hashable>: Sendable, Hashable {
    case value(Value)
    case unavailable(UnavailableReason)

    /// The value, where there is one.
    package var value: Value? {
        if case .value(let value) = self { value } else { nil }
    }

    /// The figure made from two, unavailable for the reason of the first that is.
    package func combined<Second, Result>(
        with other: Figure<Second>, _ combine: (Value, Second) throws -> Result
    ) -> Figure<Result> {
        switch (self, other) {
        case (.unavailable(let reason), _), (_, .unavailable(let reason)): return .unavailable(reason)
        case (.value(let first), .value(let second)):
            do {
                return .value(try combine(first, second))
            } catch {
                return .unavailable(.outOfRange)
            }
        }
    }
}

/// Why a figure cannot be given; the raw value is the `reason` of the public contract.
package enum UnavailableReason: String, Sendable, Hashable {
    /// A position has no price on or before the day.
    case noPrice = "no_price"
    /// An instrument's currency is not the portfolio's, and there is no rate between them.
    case rateUnavailable = "rate_unavailable"
    /// There is nothing to compute a return from: money went only one way.
    case noSignChange = "no_sign_change"
    /// The equation of the return has no solution.
    case noRoot = "no_root"
    /// A share of nothing.
    case zeroValue = "zero_value"
    /// A number outside what 38 digits hold.
    case outOfRange = "out_of_range"

    /// The reason in words.
    package var detail: String {
        switch self {
        case .noPrice: "a position has no price on or before the day"
        case .rateUnavailable: "an instrument's currency differs from the portfolio's and no exchange rate is known"
        case .noSignChange: "money went only one way"
        case .noRoot: "no rate of return explains the flows"
        case .zeroValue: "the portfolio has no value to take a share of"
        case .outOfRange: "the figure has too many digits"
        }
    }
}
