package import ServiceRuntime
import Postgres

/// What the expense service knows of a user. Amounts are texts, as everywhere.
package enum ExpenseArchive {
    /// The kinds in the order of the archive.
    package static let kinds = [
        ArchivedRows("categories") { user in
            "SELECT c.id::text AS key, to_jsonb(c) - 'owner_id' AS data FROM categories c WHERE c.owner_id = \(user)"
        },
        ArchivedRows("expenses") { user in
            """
            SELECT e.id::text AS key, to_jsonb(e) - 'owner_id' - 'event_sequence' || jsonb_build_object(
                'amount', e.amount::text, 'splits', COALESCE((
                    SELECT jsonb_agg(jsonb_build_object(
                        'category_id', p.category_id, 'amount', abs(p.amount)::text, 'note', p.note) ORDER BY p.position)
                    FROM expense_parts p WHERE p.expense_id = e.id AND p.is_split), '[]')) AS data
            FROM expenses e WHERE e.owner_id = \(user)
            """
        },
        ArchivedRows("budgets") { user in
            """
            SELECT b.id::text AS key, to_jsonb(b) - 'owner_id' - 'event_sequence'
                || jsonb_build_object('amount', b.amount::text) AS data
            FROM budgets b WHERE b.owner_id = \(user)
            """
        },
    ]
}
