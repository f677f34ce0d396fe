package import Chronology
package import ExpenseDomain
import Money
import Postgres

extension ExpenseRepository {
    package func totals(
        of owner: UUIDv7, _ request: ReportRequest
    ) async throws -> (groups: [ReportLine], overall: [ReportLine]) {
        let results = try await pool.batch([
            Self.groups(of: owner, request),
            """
            SELECT currency, currency, currency, sum(amount), count(DISTINCT expense_id) FROM expense_parts
            WHERE owner_id = \(owner) AND spent_on BETWEEN \(request.from) AND \(request.to) GROUP BY currency
            """,
        ])
        return try (results[0].map(Self.line), results[1].map(Self.line))
    }

    /// One row for each group and currency: key, label, currency, total, number of expenses.
    private static func groups(of owner: UUIDv7, _ request: ReportRequest) -> PostgresQuery {
        let range: PostgresQuery = "owner_id = \(owner) AND spent_on BETWEEN \(request.from) AND \(request.to)"
        switch request.grouping {
        case .category:
            return """
                SELECT COALESCE(p.category_id::text, ''), COALESCE(c.name, ''), p.currency, p.total, p.count
                FROM (SELECT category_id, currency, sum(amount) AS total, count(DISTINCT expense_id) AS count
                    FROM expense_parts WHERE \(fragment: range) GROUP BY category_id, currency) p
                LEFT JOIN categories c ON c.id = p.category_id
                """
        case .month:
            return """
                SELECT to_char(spent_on, 'YYYY-MM') AS month, to_char(spent_on, 'YYYY-MM'), currency, sum(amount),
                    count(DISTINCT expense_id)
                FROM expense_parts WHERE \(fragment: range) GROUP BY month, currency
                """
        case .currency:
            return """
                SELECT currency, currency, currency, sum(amount), count(DISTINCT expense_id)
                FROM expense_parts WHERE \(fragment: range) GROUP BY currency
                """
        case .merchant:
            return """
                SELECT COALESCE(merchant, ''), COALESCE(merchant, ''), currency,
                    sum(CASE kind WHEN 'refund' THEN -amount ELSE amount END), count(*)
                FROM expenses WHERE \(fragment: range) GROUP BY merchant, currency
                """
        case .tag:
            return """
                SELECT COALESCE(tag, ''), COALESCE(tag, ''), currency,
                    sum(CASE kind WHEN 'refund' THEN -amount ELSE amount END), count(*)
                FROM expenses LEFT JOIN unnest(tags) AS tag ON true WHERE \(fragment: range) GROUP BY tag, currency
                """
        }
    }

    private static func line(_ row: PostgresRow) throws -> ReportLine {
        let (key, label, currency, total, count) = try row.decode(
            String.self, String.self, String.self, Decimal.self, Int64.self)
        return ReportLine(key: key, label: label, currency: try Currency(code: currency), total: total, count: count)
    }
}
