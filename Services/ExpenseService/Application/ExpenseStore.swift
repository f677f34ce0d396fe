package import Chronology
package import ExpenseDomain
package import Idempotency
package import Money
package import Validation

/// Which expenses a list shows; nil means all.
package struct ExpenseFilter: Sendable, Hashable {
    package var from: CalendarDate?
    package var to: CalendarDate?
    package var categoryID: UUIDv7?
    package var currency: Currency?

    package init(
        from: CalendarDate? = nil, to: CalendarDate? = nil, categoryID: UUIDv7? = nil, currency: Currency? = nil
    ) {
        self.from = from
        self.to = to
        self.categoryID = categoryID
        self.currency = currency
    }
}

/// Why a change was refused by what is stored.
package enum ExpenseStoreRefusal: Error, Hashable {
    /// The categories are not the user's.
    case unknownCategories(Set<UUIDv7>)
    /// A category with a parent cannot be one itself.
    case nestedTooDeeply
    /// The user has a category of this name at this place already.
    case categoryExists
}

/// Where the facts of the expense context are kept.
///
/// Every change is one transaction with its events and its receipt. Besides the refusals each method throws the store's own
/// error; retriable ones mean that it is away. Users see their own data only: what is another's does not exist.
package protocol ExpenseStore: Sendable {
    /// - Throws: `unknownCategories` (the parent), `nestedTooDeeply`, `categoryExists`.
    func insert(_ category: Category, receipt: IdempotencyReceipt?) async throws
    /// The cursor's keys: lower-case name, id.
    func categories(of owner: UUIDv7, _ page: PageRequest) async throws -> Page<Category>
    func category(_ id: UUIDv7, of owner: UUIDv7) async throws -> Category?

    /// Inserts an expense, evaluates the budgets it touches, and emits what changed.
    ///
    /// - Throws: `unknownCategories`.
    func insert(_ expense: Expense, receipt: IdempotencyReceipt?) async throws
    /// Newest first; the cursor's keys: day, id.
    func expenses(of owner: UUIDv7, _ filter: ExpenseFilter, _ page: PageRequest) async throws -> Page<Expense>
    func expense(_ id: UUIDv7, of owner: UUIDv7) async throws -> Expense?
    /// Deletes an expense, evaluates the budgets it touched, and emits what changed.
    ///
    /// - Returns: false where there is none.
    /// - Throws: `VersionMismatch`.
    func deleteExpense(
        _ id: UUIDv7, of owner: UUIDv7, if precondition: VersionPrecondition, receipt: IdempotencyReceipt?,
        at now: Timestamp
    ) async throws -> Bool

    /// Inserts a budget and evaluates the period that holds `today`, so that what was spent before counts.
    ///
    /// - Throws: `unknownCategories`.
    func insert(_ budget: Budget, today: CalendarDate, receipt: IdempotencyReceipt?) async throws
    /// The cursor's only key: id.
    func budgets(of owner: UUIDv7, _ page: PageRequest) async throws -> Page<Budget>
    func budget(_ id: UUIDv7, of owner: UUIDv7) async throws -> Budget?
    /// What a budget counts in a period, and in all periods before it (zero without rollover).
    func spending(of budget: Budget, in interval: BudgetInterval) async throws -> (current: Spending, before: Spending)

    /// The totals of a range: of each group, and of the whole, by currency.
    func totals(of owner: UUIDv7, _ request: ReportRequest) async throws -> (
        groups: [ReportLine], overall: [ReportLine]
    )
}
