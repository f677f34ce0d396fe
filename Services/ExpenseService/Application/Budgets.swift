package import Chronology
package import ExpenseDomain
package import Idempotency
import Money
package import Validation

/// How a budget stands, or why that cannot be said.
package struct BudgetStatus: Sendable {
    package let budget: Budget
    package let interval: BudgetInterval
    /// Nil where an expense is in a currency without a rate.
    package let standing: BudgetStanding?
    /// The expense that has no rate.
    package let expenseWithoutRate: UUIDv7?
}

/// Creates, lists and shows the caller's budgets, and says how they stand.
package struct Budgets: Sendable {
    private let store: any ExpenseStore
    private let clock: any WallClock

    package init(store: any ExpenseStore, clock: any WallClock) {
        self.store = store
        self.clock = clock
    }

    /// - Throws: `ValidationFailure` for what breaks a rule, else the store's error.
    package func create(
        caller: UUIDv7, _ request: BudgetRequest, receipt: (Budget) throws -> IdempotencyReceipt?
    ) async throws -> Budget {
        let now = clock.now()
        let budget = try request.budget(ownerID: caller, at: now)
        do {
            try await store.insert(budget, today: CalendarDate(utc: now), receipt: receipt(budget))
        } catch ExpenseStoreRefusal.unknownCategories {
            throw ValidationFailure(
                field: "category_id", code: "unknown_category", message: "must be a category of yours")
        }
        return budget
    }

    /// - Throws: `ValidationFailure` for `limit` or `cursor`, else the store's error.
    package func list(caller: UUIDv7, limit: Int64?, cursor: String?) async throws -> Page<Budget> {
        var validator = Validator()
        let page = validator.page(limit: limit, cursor: cursor, keyCount: 1)
        if let after = page?.after { _ = validator.cursorIdentifier(after, key: 0) }
        return try await store.budgets(of: caller, validator.checked(page))
    }

    /// - Returns: nil where the caller has no such budget.
    package func find(caller: UUIDv7, id: String) async throws -> Budget? {
        guard let id = try? UUIDv7(parsing: id) else { return nil }
        return try await store.budget(id, of: caller)
    }

    /// How a budget stands at the end of a day, today by default.
    ///
    /// - Returns: nil where the caller has no such budget.
    /// - Throws: `ValidationFailure` where `on` is no date or outside the budget, else the store's error.
    package func status(caller: UUIDv7, id: String, on: String?) async throws -> BudgetStatus? {
        var validator = Validator()
        let day: CalendarDate? = validator.date("on", on)
        try validator.check()
        guard let budget = try await find(caller: caller, id: id) else { return nil }
        guard let interval = budget.interval(containing: day ?? clock.today()) else {
            throw ValidationFailure(field: "on", code: "out_of_range", message: "must lie within the budget")
        }
        switch try await store.spending(of: budget, in: interval) {
        case (.amount(let spent), .amount(let before)):
            let standing = try BudgetStanding(of: budget, in: interval, spent: spent, spentBefore: before)
            return BudgetStatus(budget: budget, interval: interval, standing: standing, expenseWithoutRate: nil)
        case (.rateUnavailable(let expense), _), (_, .rateUnavailable(let expense)):
            return BudgetStatus(budget: budget, interval: interval, standing: nil, expenseWithoutRate: expense)
        }
    }
}
