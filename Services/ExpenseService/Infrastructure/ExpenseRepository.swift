package import Chronology
package import ExpenseApplication
package import ExpenseDomain
package import Idempotency
package import Messaging
package import Postgres
package import Validation
import FaultPoints
import Money
import ServiceRuntime

/// The expense context in PostgreSQL.
///
/// Writes that change spending hold the user's spending lock in shared mode, the creation of a budget holds it alone: a budget
/// never misses an expense that commits while its first sum is made. Among the former, those that touch one budget wait for
/// each other at its row, and add up afterwards: at READ COMMITTED the sum is a statement of its own, which sees what the
/// others have committed meanwhile.
package struct ExpenseRepository: ExpenseStore {
    let pool: PostgresPool
    let outbox: Outbox
    let budgetOwners = BudgetOwners()
    private let groups: GroupCommit

    package init(pool: PostgresPool, outbox: Outbox) {
        self.pool = pool
        self.outbox = outbox
        groups = GroupCommit(pool: pool, outbox: outbox)
    }

    // MARK: Expenses

    package func insert(_ expense: Expense, receipt: IdempotencyReceipt?) async throws {
        let write = ExpenseWrite(expense: expense, event: try ExpenseEvents.created(expense), receipt: receipt)
        let isTried = write.isPlain && !budgetOwners.contains(expense.ownerID)
        let isWritten = isTried ? try await groups.commit(write) : false
        if !isWritten { try await insertAlone(write) }
        FaultPoint.reached("service.after-commit-before-answer")
        outbox.poke()
    }

    /// Writes an expense in a transaction of its own, which evaluates the budgets that count it.
    private func insertAlone(_ write: ExpenseWrite) async throws {
        let expense = write.expense
        let categories = expense.categoryIDs
        do {
            try await pool.retryingConflicts { try await insert(write, categories) }
        } catch let error as PostgresError where error.sqlState == .foreignKeyViolation {
            // A category that is nobody's fails the insert before ownership is looked at.
            let known = try await pool.query(Self.ownCategories(categories, of: expense.ownerID))
            throw ExpenseStoreRefusal.unknownCategories(
                categories.subtracting(try known.map { try $0.decode(UUIDv7.self, at: 0) }))
        }
    }

    private func insert(_ write: ExpenseWrite, _ categories: Set<UUIDv7>) async throws {
        let expense = write.expense
        try await pool.withTransaction { transaction in
            let receipts = Self.receipts(write.receipt)
            let results = try await transaction.batch(
                receipts + [
                    Self.spendingLock(expense.ownerID, shared: true),
                    Self.ownCategories(categories, of: expense.ownerID), Self.insertExpense(expense),
                    Self.insertParts(expense), outbox.insert([write.event]),
                    Self.lockBudgets(of: expense.ownerID, on: expense.spentOn, categories: categories),
                ])
            let own = results[receipts.count + 1]
            let unknown = categories.subtracting(try own.map { try $0.decode(UUIDv7.self, at: 0) })
            guard unknown.isEmpty else { throw ExpenseStoreRefusal.unknownCategories(unknown) }
            if !results[results.count - 1].isEmpty { budgetOwners.insert(expense.ownerID) }
            FaultPoint.reached("service.before-commit")
            try await evaluate(results[results.count - 1], on: expense.spentOn, at: expense.createdAt, in: transaction)
        }
    }

    package func expenses(
        of owner: UUIDv7, _ filter: ExpenseFilter, _ page: PageRequest
    ) async throws -> Page<Expense> {
        var query: PostgresQuery = "SELECT \(fragment: Expense.columns) FROM expenses e WHERE e.owner_id = \(owner)"
        if let from = filter.from { query.append(" AND e.spent_on >= \(from)") }
        if let to = filter.to { query.append(" AND e.spent_on <= \(to)") }
        if let currency = filter.currency { query.append(" AND e.currency = \(currency.code)") }
        if let category = filter.categoryID {
            query.append(
                """
                 AND EXISTS (SELECT FROM expense_parts p WHERE p.expense_id = e.id AND p.category_id IN
                    (SELECT id FROM categories WHERE id = \(category) OR parent_id = \(category)))
                """)
        }
        if let after = page.after {
            let day = try CalendarDate(parsing: after.keys[0])
            let id = try UUIDv7(parsing: after.keys[1])
            query.append(" AND (e.spent_on, e.id) < (\(day), \(id))")
        }
        query.append(" ORDER BY e.spent_on DESC, e.id DESC LIMIT \(page.limit + 1)")
        return try await Page(pool.query(query).map(Expense.init(_:)), limit: page.limit) { expense in
            PageCursor([expense.spentOn.description, expense.id.description])
        }
    }

    package func expense(_ id: UUIDv7, of owner: UUIDv7) async throws -> Expense? {
        try await pool.query(
            "SELECT \(fragment: Expense.columns) FROM expenses e WHERE e.id = \(id) AND e.owner_id = \(owner)"
        ).first.map(Expense.init(_:))
    }

    package func deleteExpense(
        _ id: UUIDv7, of owner: UUIDv7, if precondition: VersionPrecondition, receipt: IdempotencyReceipt?,
        at now: Timestamp
    ) async throws -> Bool {
        let deleted = try await pool.retryingConflicts {
            try await pool.withTransaction { transaction in
                let results = try await transaction.batch([
                    Self.spendingLock(owner, shared: true),
                    """
                    SELECT \(fragment: Expense.columns), e.event_sequence FROM expenses e
                    WHERE e.id = \(id) AND e.owner_id = \(owner) FOR UPDATE OF e
                    """,
                ])
                guard let row = results[1].first else { return false }
                let expense = try Expense(row)
                try precondition.check(expense.version)
                let event = try ExpenseEvents.deleted(expense, sequence: row.decode(Int64.self, at: 17) + 1, at: now)
                let locked = try await transaction.batch(
                    Self.receipts(receipt) + [
                        "DELETE FROM expenses WHERE id = \(id)", outbox.insert([event]),
                        Self.lockBudgets(of: owner, on: expense.spentOn, categories: expense.categoryIDs),
                    ])
                FaultPoint.reached("service.before-commit")
                try await evaluate(locked[locked.count - 1], on: expense.spentOn, at: now, in: transaction)
                return true
            }
        }
        FaultPoint.reached("service.after-commit-before-answer")
        if deleted { outbox.poke() }
        return deleted
    }

    // MARK: Categories

    package func insert(_ category: Category, receipt: IdempotencyReceipt?) async throws {
        do {
            try await pool.withTransaction { transaction in
                if let parent = category.parentID {
                    // The lock keeps the parent at the top until this commits.
                    let rows = try await transaction.query(
                        """
                        SELECT parent_id FROM categories WHERE id = \(parent) AND owner_id = \(category.ownerID)
                        FOR SHARE
                        """)
                    guard let row = rows.first else { throw ExpenseStoreRefusal.unknownCategories([parent]) }
                    guard try row.decode(UUIDv7?.self, at: 0) == nil else { throw ExpenseStoreRefusal.nestedTooDeeply }
                }
                _ = try await transaction.commit(with: Self.receipts(receipt) + [Self.insertCategory(category)])
            }
        } catch let error as PostgresError where error.isUniqueViolation(of: "categories_name") {
            throw ExpenseStoreRefusal.categoryExists
        }
    }

    package func categories(of owner: UUIDv7, _ page: PageRequest) async throws -> Page<Category> {
        var query: PostgresQuery = "SELECT \(fragment: Category.columns) FROM categories WHERE owner_id = \(owner)"
        if let after = page.after {
            query.append(" AND (lower(name), id) > (\(after.keys[0]), \(try UUIDv7(parsing: after.keys[1])))")
        }
        query.append(" ORDER BY lower(name), id LIMIT \(page.limit + 1)")
        return try await Page(pool.query(query).map { try Category($0) }, limit: page.limit) { category in
            PageCursor([category.name.lowercased(), category.id.description])
        }
    }

    package func category(_ id: UUIDv7, of owner: UUIDv7) async throws -> Category? {
        try await pool.query(
            "SELECT \(fragment: Category.columns) FROM categories WHERE id = \(id) AND owner_id = \(owner)"
        ).first.map { try Category($0) }
    }

    /// Gives a new user the default categories, as part of `transaction`; those that are there already stay.
    static func insertDefaults(_ categories: [Category], in transaction: PostgresTransaction) async throws {
        _ = try await transaction.batch(
            categories.map { category in
                var query = insertCategory(category)
                query.append(" ON CONFLICT DO NOTHING")
                return query
            })
    }

    private static func insertCategory(_ category: Category) -> PostgresQuery {
        """
        INSERT INTO categories (id, owner_id, name, icon, color, parent_id, archived, version, created_at, updated_at)
        VALUES (\(category.id), \(category.ownerID), \(category.name), \(category.icon), \(category.color),
            \(category.parentID), \(category.archived), \(category.version), \(category.createdAt),
            \(category.updatedAt))
        """
    }

    // MARK: Statements

    static func receipts(_ receipt: IdempotencyReceipt?) -> [PostgresQuery] {
        receipt.map { [IdempotencyRecords.insert($0)] } ?? []
    }

    /// Held until the end of the transaction. The first key is this lock's class, the second a hash: two users who share one
    /// only wait for each other.
    static func spendingLock(_ owner: UUIDv7, shared: Bool) -> PostgresQuery {
        let name = owner.description
        return shared
            ? "SELECT pg_advisory_xact_lock_shared(\(spendingLockClass), hashtext(\(name)))"
            : "SELECT pg_advisory_xact_lock(\(spendingLockClass), hashtext(\(name)))"
    }

    static let spendingLockClass: Int32 = 1701

    private static func ownCategories(_ categories: Set<UUIDv7>, of owner: UUIDv7) -> PostgresQuery {
        "SELECT id FROM categories WHERE owner_id = \(owner) AND id = ANY(\(Array(categories)))"
    }

    private static func insertExpense(_ expense: Expense) -> PostgresQuery {
        """
        INSERT INTO expenses (id, owner_id, kind, amount, currency, spent_on, category_id, merchant, note, tags,
            external_id, version, created_at, updated_at)
        VALUES (\(expense.id), \(expense.ownerID), \(expense.kind.rawValue), \(expense.amount.amount),
            \(expense.amount.currency.code), \(expense.spentOn), \(expense.categoryID), \(expense.merchant),
            \(expense.note), \(expense.tags), \(expense.externalID), \(expense.version), \(expense.createdAt),
            \(expense.updatedAt))
        """
    }

    private static func insertParts(_ expense: Expense) -> PostgresQuery {
        let parts = expense.contributions
        let notes = expense.splits.isEmpty ? [nil] : expense.splits.map(\.note)
        return """
            INSERT INTO expense_parts (expense_id, position, owner_id, category_id, spent_on, amount, currency, note, is_split)
            SELECT \(expense.id), part.position, \(expense.ownerID), part.category_id, \(expense.spentOn), part.amount,
                \(expense.amount.currency.code), part.note, \(!expense.splits.isEmpty)
            FROM unnest(\(parts.map(\.categoryID)), \(parts.map(\.amount.amount)), \(notes))
                WITH ORDINALITY AS part (category_id, amount, note, position)
            """
    }

    /// The budgets that count a day's spending in some categories, locked in the order of their ids.
    private static func lockBudgets(of owner: UUIDv7, on day: CalendarDate, categories: Set<UUIDv7>) -> PostgresQuery {
        let categories = Array(categories)
        return """
            SELECT \(fragment: Budget.columns), event_sequence FROM budgets
            WHERE owner_id = \(owner) AND starts_on <= \(day) AND (ends_on IS NULL OR ends_on >= \(day))
                AND (category_id IS NULL OR category_id = ANY(\(categories))
                    OR category_id IN (SELECT parent_id FROM categories WHERE id = ANY(\(categories))))
            ORDER BY id FOR UPDATE
            """
    }
}
