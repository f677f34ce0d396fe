package import Chronology
package import ExpenseDomain
package import Idempotency
import Money
package import Validation

/// Which expenses are asked for, as it was written.
package struct ExpenseListRequest: Sendable {
    package var limit: Int64?
    package var cursor: String?
    package var from: String?
    package var to: String?
    package var categoryID: String?
    package var currency: String?

    package init(
        limit: Int64? = nil, cursor: String? = nil, from: String? = nil, to: String? = nil, categoryID: String? = nil,
        currency: String? = nil
    ) {
        self.limit = limit
        self.cursor = cursor
        self.from = from
        self.to = to
        self.categoryID = categoryID
        self.currency = currency
    }
}

/// Records, lists, shows and deletes the caller's expenses.
package struct Expenses: Sendable {
    private let store: any ExpenseStore
    private let clock: any WallClock

    package init(store: any ExpenseStore, clock: any WallClock) {
        self.store = store
        self.clock = clock
    }

    /// - Throws: `ValidationFailure` for what breaks a rule, else the store's error.
    package func create(
        caller: UUIDv7, _ request: ExpenseRequest, receipt: (Expense) throws -> IdempotencyReceipt?
    ) async throws -> Expense {
        let expense = try request.expense(ownerID: caller, at: clock.now())
        do {
            try await store.insert(expense, receipt: receipt(expense))
        } catch ExpenseStoreRefusal.unknownCategories(let unknown) {
            throw Self.failure(expense, unknown)
        }
        return expense
    }

    /// - Throws: `ValidationFailure` for what breaks a rule, else the store's error.
    package func list(caller: UUIDv7, _ request: ExpenseListRequest) async throws -> Page<Expense> {
        var validator = Validator()
        let page = validator.page(limit: request.limit, cursor: request.cursor, keyCount: 2)
        if let after = page?.after, CalendarDate(iso: after.keys[0]) == nil {
            validator.fail("cursor", "invalid_cursor", "must be a next_cursor of this list")
        } else if let after = page?.after {
            _ = validator.cursorIdentifier(after, key: 1)
        }
        let filter = ExpenseFilter(
            from: validator.date("from", request.from), to: validator.date("to", request.to),
            categoryID: validator.identifier("category_id", request.categoryID),
            currency: validator.currency("currency", request.currency))
        return try await store.expenses(of: caller, filter, validator.checked(page))
    }

    /// - Returns: nil where the caller has no such expense.
    package func find(caller: UUIDv7, id: String) async throws -> Expense? {
        guard let id = try? UUIDv7(parsing: id) else { return nil }
        return try await store.expense(id, of: caller)
    }

    /// - Returns: false where the caller has no such expense.
    /// - Throws: `VersionMismatch` where it is of another version than the precondition names.
    package func delete(
        caller: UUIDv7, id: String, if precondition: VersionPrecondition, receipt: IdempotencyReceipt?
    ) async throws -> Bool {
        guard let id = try? UUIDv7(parsing: id) else { return false }
        return try await store.deleteExpense(id, of: caller, if: precondition, receipt: receipt, at: clock.now())
    }

    private static func failure(_ expense: Expense, _ unknown: Set<UUIDv7>) -> ValidationFailure {
        var validator = Validator()
        let rule = ("unknown_category", "must be a category of yours")
        if let id = expense.categoryID, unknown.contains(id) { validator.fail("category_id", rule.0, rule.1) }
        for (index, split) in expense.splits.enumerated() where unknown.contains(split.categoryID) {
            validator.fail("splits.\(index).category_id", rule.0, rule.1)
        }
        return ValidationFailure(validator.errors)
    }
}
