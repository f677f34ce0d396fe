package import Chronology
import ExpenseApplication
package import ExpenseDomain
package import Idempotency
import Postgres
package import Validation
import Messaging
import Money

extension ExpenseRepository {
    package func insert(_ budget: Budget, today: CalendarDate, receipt: IdempotencyReceipt?) async throws {
        do {
            try await commit(budget, today: today, receipt: receipt)
        } catch let error as PostgresError where error.sqlState == .foreignKeyViolation {
            // A category that is nobody's fails the insert before ownership is looked at.
            throw ExpenseStoreRefusal.unknownCategories(Set([budget.categoryID].compactMap { $0 }))
        }
        budgetOwners.insert(budget.ownerID)
        outbox.poke()
    }

    private func commit(_ budget: Budget, today: CalendarDate, receipt: IdempotencyReceipt?) async throws {
        try await pool.withTransaction { transaction in
            let receipts = Self.receipts(receipt)
            let results = try await transaction.batch(
                receipts + [
                    Self.spendingLock(budget.ownerID, shared: false),
                    """
                    SELECT id FROM categories WHERE owner_id = \(budget.ownerID)
                        AND id = ANY(\([budget.categoryID].compactMap { $0 }))
                    """,
                    Self.insertBudget(budget),
                ])
            if let category = budget.categoryID, results[receipts.count + 1].isEmpty {
                throw ExpenseStoreRefusal.unknownCategories([category])
            }
            guard let interval = budget.interval(containing: today) else { return }
            let changes = try await changes(of: [(budget, 0, [interval])], at: budget.createdAt, in: transaction)
            _ = try await transaction.commit(with: changes)
        }
    }

    package func budgets(of owner: UUIDv7, _ page: PageRequest) async throws -> Page<Budget> {
        var query: PostgresQuery = "SELECT \(fragment: Budget.columns) FROM budgets WHERE owner_id = \(owner)"
        if let after = page.after { query.append(" AND id > \(try UUIDv7(parsing: after.keys[0]))") }
        query.append(" ORDER BY id LIMIT \(page.limit + 1)")
        return try await Page(pool.query(query).map(Budget.init(_:)), limit: page.limit) { budget in
            PageCursor([budget.id.description])
        }
    }

    package func budget(_ id: UUIDv7, of owner: UUIDv7) async throws -> Budget? {
        try await pool.query(
            "SELECT \(fragment: Budget.columns) FROM budgets WHERE id = \(id) AND owner_id = \(owner)"
        ).first.map(Budget.init(_:))
    }

    package func spending(
        of budget: Budget, in interval: BudgetInterval
    ) async throws -> (current: Spending, before: Spending) {
        let results = try await pool.batch([
            Self.spending(of: budget, from: interval.start, to: interval.end),
            Self.spendingBefore(interval, of: budget),
        ])
        return try (Self.spending(results[0], of: budget), Self.spending(results[1], of: budget))
    }

    /// Evaluates the budgets in `rows`, which are locked, after the spending of a day has changed; then commits.
    func evaluate(_ rows: PostgresRows, on day: CalendarDate, at now: Timestamp, in transaction: PostgresTransaction)
        async throws
    {
        guard !rows.isEmpty else { return }
        let today = CalendarDate(utc: now)
        let touched = try rows.map { row in
            let budget = try Budget(row)
            return (budget, try row.decode(Int64.self, at: 14), Self.intervals(of: budget, from: day, today: today))
        }
        _ = try await transaction.commit(with: changes(of: touched, at: now, in: transaction))
    }

    /// The periods whose standing depends on the spending of a day: its own, and with rollover those after it until today.
    /// What lies further ahead is evaluated when something is spent there.
    private static func intervals(of budget: Budget, from day: CalendarDate, today: CalendarDate) -> [BudgetInterval] {
        guard var interval = budget.interval(containing: day) else { return [] }
        var intervals = [interval]
        while budget.rollover, intervals.count < 120, interval.end < today, let next = budget.interval(after: interval)
        {
            intervals.append(next)
            interval = next
        }
        return intervals
    }

    /// The statements that bring threshold states in line with what is spent, and tell each change. One round trip reads all
    /// that is needed.
    private func changes(
        of touched: [(budget: Budget, sequence: Int64, intervals: [BudgetInterval])], at now: Timestamp,
        in transaction: PostgresTransaction
    ) async throws -> [PostgresQuery] {
        let places = touched.indices.flatMap { index in touched[index].intervals.map { (index, $0) } }
        let results = try await transaction.batch(
            places.flatMap { index, interval -> [PostgresQuery] in
                let budget = touched[index].budget
                return [
                    Self.spending(of: budget, from: interval.start, to: interval.end),
                    Self.spendingBefore(interval, of: budget),
                    """
                    SELECT threshold, is_crossed, crossings FROM budget_thresholds
                    WHERE budget_id = \(budget.id) AND period_start = \(interval.start)
                    """,
                ]
            })
        var sequences = touched.map(\.sequence)
        var statements: [PostgresQuery] = []
        var events: [OutboxEvent] = []
        for (place, (index, interval)) in places.enumerated() {
            let budget = touched[index].budget
            // Without a rate nothing can be said: the states stay as they are until it arrives.
            guard case .amount(let spent) = try Self.spending(results[3 * place], of: budget),
                case .amount(let before) = try Self.spending(results[3 * place + 1], of: budget)
            else { continue }
            let standing = try BudgetStanding(of: budget, in: interval, spent: spent, spentBefore: before)
            let states = try results[3 * place + 2].map { row in
                let (threshold, isCrossed, crossings) = try row.decode(Int64.self, Bool.self, Int64.self)
                return ThresholdState(threshold: threshold, isCrossed: isCrossed, crossings: crossings)
            }
            for change in standing.changes(from: states, thresholds: budget.thresholds) {
                sequences[index] += 1
                events.append(
                    try ExpenseEvents.changed(change, of: budget, standing, sequence: sequences[index], at: now))
                statements.append(Self.record(change.state, of: budget, in: interval))
            }
        }
        for (index, entry) in touched.enumerated() where sequences[index] != entry.sequence {
            statements.append(
                "UPDATE budgets SET event_sequence = \(sequences[index]) WHERE id = \(entry.budget.id)")
        }
        return events.isEmpty ? [] : statements + [outbox.insert(events)]
    }

    // MARK: Statements

    private static func insertBudget(_ budget: Budget) -> PostgresQuery {
        """
        INSERT INTO budgets (id, owner_id, name, category_id, amount, currency, period, starts_on, ends_on, rollover,
            thresholds, version, created_at, updated_at)
        VALUES (\(budget.id), \(budget.ownerID), \(budget.name), \(budget.categoryID), \(budget.limit.amount),
            \(budget.limit.currency.code), \(budget.period.rawValue), \(budget.startsOn), \(budget.endsOn),
            \(budget.rollover), \(budget.thresholds), \(budget.version), \(budget.createdAt), \(budget.updatedAt))
        """
    }

    private static func record(
        _ state: ThresholdState, of budget: Budget, in interval: BudgetInterval
    ) -> PostgresQuery {
        """
        INSERT INTO budget_thresholds (budget_id, period_start, threshold, is_crossed, crossings)
        VALUES (\(budget.id), \(interval.start), \(state.threshold), \(state.isCrossed), \(state.crossings))
        ON CONFLICT (budget_id, period_start, threshold)
        DO UPDATE SET is_crossed = excluded.is_crossed, crossings = excluded.crossings
        """
    }

    /// The sums by currency; for another currency than the budget's also an expense that has it.
    private static func spending(of budget: Budget, from: CalendarDate, to: CalendarDate) -> PostgresQuery {
        var query: PostgresQuery = """
            SELECT currency, sum(amount), CASE WHEN currency <> \(budget.limit.currency.code)
                THEN (array_agg(expense_id))[1] END
            FROM expense_parts WHERE owner_id = \(budget.ownerID) AND spent_on BETWEEN \(from) AND \(to)
            """
        if let category = budget.categoryID {
            query.append(
                " AND category_id IN (SELECT id FROM categories WHERE id = \(category) OR parent_id = \(category))")
        }
        query.append(" GROUP BY currency")
        return query
    }

    /// What the periods before `interval` hold; nothing is asked for without rollover or before the first period.
    private static func spendingBefore(_ interval: BudgetInterval, of budget: Budget) -> PostgresQuery {
        guard budget.rollover, interval.index > 0 else {
            return "SELECT NULL::text, NULL::numeric, NULL::uuid WHERE false"
        }
        return spending(of: budget, from: budget.startsOn, to: interval.start.adding(days: -1))
    }

    private static func spending(_ rows: PostgresRows, of budget: Budget) throws -> Spending {
        var total = try Decimal.zero.rounded(scale: budget.limit.currency.minorUnits)
        for row in rows {
            let (currency, sum, foreign) = try row.decode(String.self, Decimal.self, UUIDv7?.self)
            if currency != budget.limit.currency.code, let foreign { return .rateUnavailable(expenseID: foreign) }
            total = try total + sum
        }
        return .amount(total)
    }
}
