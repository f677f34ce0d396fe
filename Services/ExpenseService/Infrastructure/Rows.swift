import Chronology
import ExpenseDomain
import Money
import Postgres

// Rows become domain values here, and nowhere else.

extension Category {
    static let columns: PostgresQuery =
        "id, owner_id, name, icon, color, parent_id, archived, version, created_at, updated_at"

    init(_ row: PostgresRow) throws(PostgresError) {
        let (id, owner, name, icon, color, parent, archived, version, created, updated) = try row.decode(
            UUIDv7.self, UUIDv7.self, String.self, String?.self, String?.self, UUIDv7?.self, Bool.self, Int64.self,
            Timestamp.self, Timestamp.self)
        self.init(
            id: id, ownerID: owner, name: name, icon: icon, color: color, parentID: parent, archived: archived,
            version: version, createdAt: created, updatedAt: updated)
    }
}

extension Budget {
    static let columns: PostgresQuery = """
        id, owner_id, name, category_id, amount, currency, period, starts_on, ends_on, rollover, thresholds, version,
        created_at, updated_at
        """

    init(_ row: PostgresRow) throws {
        let (
            id, owner, name, category, amount, currency, period, start, end, rollover, thresholds, version, created,
            updated
        ) =
            try row.decode(
                UUIDv7.self, UUIDv7.self, String.self, UUIDv7?.self, Decimal.self, String.self, BudgetPeriod.self,
                CalendarDate.self, CalendarDate?.self, Bool.self, [Int64].self, Int64.self, Timestamp.self,
                Timestamp.self)
        self.init(
            id: id, ownerID: owner, name: name, categoryID: category,
            limit: try Money(amount, Currency(code: currency)),
            period: period, startsOn: start, endsOn: end, rollover: rollover, thresholds: thresholds, version: version,
            createdAt: created, updatedAt: updated)
    }
}

extension Expense {
    /// Of `expenses e`; the splits come as four arrays in their order.
    static let columns: PostgresQuery = """
        e.id, e.owner_id, e.kind, e.amount, e.currency, e.spent_on, e.category_id, e.merchant, e.note, e.tags,
        e.external_id, e.version, e.created_at, e.updated_at,
        ARRAY(SELECT p.category_id FROM expense_parts p WHERE p.expense_id = e.id AND p.is_split ORDER BY p.position),
        ARRAY(SELECT abs(p.amount) FROM expense_parts p WHERE p.expense_id = e.id AND p.is_split ORDER BY p.position),
        ARRAY(SELECT p.note FROM expense_parts p WHERE p.expense_id = e.id AND p.is_split ORDER BY p.position)
        """

    init(_ row: PostgresRow) throws {
        let (id, owner, kind, amount, code, day, category, merchant, note, tags, external, version, created, updated) =
            try row.decode(
                UUIDv7.self, UUIDv7.self, ExpenseKind.self, Decimal.self, String.self, CalendarDate.self, UUIDv7?.self,
                String?.self, String?.self, [String].self, String?.self, Int64.self, Timestamp.self, Timestamp.self)
        let categories = try row.decode([UUIDv7].self, at: 14)
        let amounts = try row.decode([Decimal].self, at: 15)
        let notes = try row.decode([String?].self, at: 16)
        let currency = try Currency(code: code)
        self.init(
            id: id, ownerID: owner, kind: kind, amount: try Money(amount, currency), spentOn: day, categoryID: category,
            merchant: merchant, note: note, tags: tags,
            splits: try categories.indices.map { index in
                Split(categoryID: categories[index], amount: try Money(amounts[index], currency), note: notes[index])
            }, externalID: external, version: version, createdAt: created, updatedAt: updated)
    }
}

extension BudgetPeriod: PostgresDecodable {}
extension ExpenseKind: PostgresDecodable {}
