package import Chronology
package import Money

/// What was spent that a budget counts.
package enum Spending: Sendable, Hashable {
    /// All of it in the budget's currency; below zero where refunds exceed expenses.
    case amount(Decimal)
    /// An expense is in another currency and there is no rate for it.
    case rateUnavailable(expenseID: UUIDv7)
}

/// How a budget stands in one period.
package struct BudgetStanding: Sendable, Hashable {
    package let interval: BudgetInterval
    /// What earlier periods left over (or, below zero, overspent).
    package let carriedOver: Decimal
    package let spent: Decimal
    /// The limit with what was carried over.
    package let effectiveLimit: Decimal
    /// The effective limit less what was spent.
    package let remaining: Decimal
    /// What was spent, in percent of the effective limit, with two decimals; nil where that is zero or below.
    package let percent: Decimal?
    /// The thresholds that are reached, ascending.
    package let crossed: [Int64]

    /// - Parameters:
    ///   - spent: in the period.
    ///   - spentBefore: in all earlier periods together; counts only for a budget with rollover.
    /// - Throws: `MoneyError` where a figure has more than 38 digits.
    package init(
        of budget: Budget, in interval: BudgetInterval, spent: Decimal, spentBefore: Decimal
    ) throws(MoneyError) {
        self.interval = interval
        self.spent = spent
        carriedOver =
            budget.rollover
            ? try budget.limit.amount * Decimal(interval.index) - spentBefore
            : try Decimal.zero.rounded(scale: budget.limit.currency.minorUnits)
        let limit = try budget.limit.amount + carriedOver
        effectiveLimit = limit
        remaining = try limit - spent
        percent =
            limit.isPositive ? try spent.multiplied(by: 100, dividedBy: limit, scale: 2, rounding: .halfEven) : nil
        // The exact sums are compared, not the rounded percent: 79.996 % has not reached 80 %.
        var crossed: [Int64] = []
        for threshold in budget.thresholds where try spent * 100 >= limit * Decimal(Int(threshold)) {
            crossed.append(threshold)
        }
        self.crossed = crossed
    }
}

/// Whether a threshold is crossed in a period, and how often it has been.
package struct ThresholdState: Sendable, Hashable {
    package let threshold: Int64
    package let isCrossed: Bool
    /// How many times the threshold was crossed in the period.
    package let crossings: Int64

    package init(threshold: Int64, isCrossed: Bool, crossings: Int64) {
        self.threshold = threshold
        self.isCrossed = isCrossed
        self.crossings = crossings
    }
}

/// The change of one threshold's state: the event that is told exactly once.
package struct ThresholdChange: Sendable, Hashable {
    /// Which way the spending crossed the threshold.
    package enum Direction: Sendable, Hashable {
        case exceeded
        case recovered
    }

    package let direction: Direction
    package let threshold: Int64
    /// The how-manieth crossing this is, or ends; from 1.
    package let crossing: Int64

    /// The state that the change leads to.
    package var state: ThresholdState {
        ThresholdState(threshold: threshold, isCrossed: direction == .exceeded, crossings: crossing)
    }
}

extension BudgetStanding {
    /// What changes against the states known before (a threshold without one is not crossed).
    ///
    /// Asked again with the states that it led to, the answer is empty: so a repetition tells nothing twice, and two changes
    /// of one kind never follow each other.
    package func changes(from states: [ThresholdState], thresholds: [Int64]) -> [ThresholdChange] {
        thresholds.compactMap { threshold in
            let state =
                states.first { $0.threshold == threshold }
                ?? ThresholdState(threshold: threshold, isCrossed: false, crossings: 0)
            switch (state.isCrossed, crossed.contains(threshold)) {
            case (false, true):
                return ThresholdChange(direction: .exceeded, threshold: threshold, crossing: state.crossings + 1)
            case (true, false):
                return ThresholdChange(direction: .recovered, threshold: threshold, crossing: state.crossings)
            default: return nil
            }
        }
    }
}
