import Chronology
import ExpenseDomain
import Idempotency
import Messaging
import Money
import Postgres
import ServiceRuntime

/// An expense to be written, with its event and its receipt.
struct ExpenseWrite: Sendable {
    let expense: Expense
    let event: OutboxEvent
    let receipt: IdempotencyReceipt?

    /// Whether it can be one row of the statement for many: it has no splits, and its tags can be joined.
    var isPlain: Bool {
        expense.splits.isEmpty
            && expense.tags.allSatisfy { !$0.isEmpty && !$0.utf8.contains(Self.separator) }
    }

    /// ASCII's unit separator. The rules for tags forbid it; a tag that has it nevertheless is written by itself.
    private static let separator: UInt8 = 0x1F

    private var joinedTags: String { expense.tags.joined(separator: "\u{1F}") }
}

// MARK: Many at once

extension ExpenseWrite {
    /// The statements that write many plain expenses as one transaction; the last one tells the ids of those it wrote.
    ///
    /// It leaves out, without a trace, what is not plain sailing: an expense that a budget counts, whose category is not the
    /// owner's, or whose key is taken. So no expense fails because of another.
    ///
    /// The locks are a statement before it: the budgets it looks for are those that are there once the locks are held.
    static func statements(for writes: [ExpenseWrite], outbox: Outbox) -> [PostgresQuery] {
        let owners = Set(writes.map(\.expense.ownerID)).map(\.description)
        return [
            // Else the number of rows, which differs from group to group, has each planned anew.
            "SELECT set_config('plan_cache_mode', 'force_generic_plan', true)",
            // Ordered, so that two groups never wait for each other.
            """
            SELECT pg_advisory_xact_lock_shared(\(ExpenseRepository.spendingLockClass), owner)
            FROM (SELECT DISTINCT hashtext(name) AS owner FROM unnest(\(owners)) AS name ORDER BY 1) AS owners
            """,
            """
            WITH given AS MATERIALIZED (\(fragment: rows(writes))),
            fit AS MATERIALIZED (
                SELECT * FROM given g
                WHERE (g.category_id IS NULL
                        OR EXISTS (SELECT FROM categories c WHERE c.id = g.category_id AND c.owner_id = g.owner_id))
                    AND NOT EXISTS (
                        SELECT FROM budgets b
                        WHERE b.owner_id = g.owner_id AND b.starts_on <= g.spent_on
                            AND (b.ends_on IS NULL OR b.ends_on >= g.spent_on)
                            AND (b.category_id IS NULL OR b.category_id = g.category_id
                                OR b.category_id = (SELECT parent_id FROM categories p WHERE p.id = g.category_id)))
            ),
            receipts AS (
                \(fragment: IdempotencyRecords.insertUntaken(
                    "SELECT owner_id, key, fingerprint, answer FROM fit WHERE key IS NOT NULL"))
            ),
            accepted AS MATERIALIZED (
                SELECT * FROM fit f
                WHERE f.key IS NULL
                    OR EXISTS (SELECT FROM receipts r WHERE r.user_id = f.owner_id AND r.key = f.key)
            ),
            new_expenses AS (
                INSERT INTO expenses (id, owner_id, kind, amount, currency, spent_on, category_id, merchant, note, tags,
                    external_id, version, created_at, updated_at)
                SELECT id, owner_id, kind, amount, currency, spent_on, category_id, merchant, note,
                    string_to_array(tags, E'\\x1F'), external_id, version, created_at, updated_at
                FROM accepted
            ),
            new_parts AS (
                INSERT INTO expense_parts (expense_id, position, owner_id, category_id, spent_on, amount, currency, is_split)
                SELECT id, 1, owner_id, category_id, spent_on, contribution, currency, false FROM accepted
            ),
            new_events AS (
                \(fragment: outbox.insert(writes.map(\.event), where: "id IN (SELECT event_id FROM accepted)"))
            )
            SELECT id FROM accepted
            """,
        ]
    }

    /// The ids of the expenses that were written, from the results of `statements`.
    static func written(_ results: [PostgresRows]) throws(PostgresError) -> Set<UUIDv7> {
        var ids: Set<UUIDv7> = []
        for row in results[results.count - 1] { ids.insert(try row.decode(UUIDv7.self, at: 0)) }
        return ids
    }

    private static func rows(_ writes: [ExpenseWrite]) -> PostgresQuery {
        let expenses = writes.map(\.expense)
        return """
            SELECT * FROM unnest(
                \(expenses.map(\.id)), \(expenses.map(\.ownerID)), \(expenses.map(\.kind.rawValue)),
                \(expenses.map(\.amount.amount)), \(expenses.map(\.contributions[0].amount.amount)),
                \(expenses.map(\.amount.currency.code)), \(expenses.map(\.spentOn)), \(expenses.map(\.categoryID)),
                \(expenses.map(\.merchant)), \(expenses.map(\.note)), \(writes.map(\.joinedTags)),
                \(expenses.map(\.externalID)), \(expenses.map(\.version)), \(expenses.map(\.createdAt)),
                \(expenses.map(\.updatedAt)), \(writes.map(\.event.id)), \(writes.map(\.receipt?.key.key)),
                \(writes.map(\.receipt?.key.fingerprint)), \(writes.map(\.receipt?.answer))
            ) AS given (id, owner_id, kind, amount, contribution, currency, spent_on, category_id, merchant, note, tags,
                external_id, version, created_at, updated_at, event_id, key, fingerprint, answer)
            """
    }
}
