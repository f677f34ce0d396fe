package import Chronology
package import Money
package import Validation

/// Which way the money went.
package enum ExpenseKind: String, Sendable, CaseIterable {
    case expense
    /// Money that came back: it lowers what was spent.
    case refund
}

/// The part of an expense that belongs to one category.
package struct Split: Sendable, Hashable {
    package let categoryID: UUIDv7
    package let amount: Money
    package let note: String?

    package init(categoryID: UUIDv7, amount: Money, note: String?) {
        self.categoryID = categoryID
        self.amount = amount
        self.note = note
    }
}

/// Money spent, or returned, on a day.
package struct Expense: Sendable, Hashable {
    package let id: UUIDv7
    package let ownerID: UUIDv7
    package let kind: ExpenseKind
    /// Above zero, for a refund too.
    package let amount: Money
    package let spentOn: CalendarDate
    package let categoryID: UUIDv7?
    package let merchant: String?
    package let note: String?
    package let tags: [String]
    /// None, or parts that add up to the amount; they then decide the categories.
    package let splits: [Split]
    package let externalID: String?
    package let version: Int64
    package let createdAt: Timestamp
    package let updatedAt: Timestamp

    package init(
        id: UUIDv7, ownerID: UUIDv7, kind: ExpenseKind, amount: Money, spentOn: CalendarDate, categoryID: UUIDv7?,
        merchant: String?, note: String?, tags: [String], splits: [Split], externalID: String?, version: Int64,
        createdAt: Timestamp, updatedAt: Timestamp
    ) {
        self.id = id
        self.ownerID = ownerID
        self.kind = kind
        self.amount = amount
        self.spentOn = spentOn
        self.categoryID = categoryID
        self.merchant = merchant
        self.note = note
        self.tags = tags
        self.splits = splits
        self.externalID = externalID
        self.version = version
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }

    /// Every category that the expense names.
    package var categoryIDs: Set<UUIDv7> {
        Set(splits.map(\.categoryID) + [categoryID].compactMap { $0 })
    }

    /// What the expense adds to the spending of each category (nil: of none), below zero for a refund.
    package var contributions: [(categoryID: UUIDv7?, amount: Money)] {
        let parts = splits.isEmpty ? [(categoryID, amount)] : splits.map { ($0.categoryID, $0.amount) }
        return parts.map { ($0, kind == .refund ? -$1 : $1) }
    }
}

/// What a client asks to be recorded, as it was written.
package struct ExpenseRequest: Sendable {
    package var kind: String?
    package var amount: (amount: String, currency: String)
    package var spentOn: String
    package var categoryID: String?
    package var merchant: String?
    package var note: String?
    package var tags: [String]
    package var splits: [(categoryID: String, amount: (amount: String, currency: String), note: String?)]
    package var externalID: String?

    package init(
        kind: String? = nil, amount: (amount: String, currency: String), spentOn: String, categoryID: String? = nil,
        merchant: String? = nil, note: String? = nil, tags: [String] = [],
        splits: [(categoryID: String, amount: (amount: String, currency: String), note: String?)] = [],
        externalID: String? = nil
    ) {
        self.kind = kind
        self.amount = amount
        self.spentOn = spentOn
        self.categoryID = categoryID
        self.merchant = merchant
        self.note = note
        self.tags = tags
        self.splits = splits
        self.externalID = externalID
    }

    /// Checks the request and makes the expense. Whether its categories exist is looked up elsewhere.
    ///
    /// - Throws: every field that breaks a rule.
    package func expense(
        id: UUIDv7 = .make(), ownerID: UUIDv7, at now: Timestamp
    ) throws(ValidationFailure) -> Expense {
        var validator = Validator()
        let kind: ExpenseKind? = validator.choice("kind", kind ?? ExpenseKind.expense.rawValue)
        let money = validator.money("amount", amount: amount.amount, currency: amount.currency)
        let day: CalendarDate? = validator.date("spent_on", spentOn)
        let category: UUIDv7? = validator.identifier("category_id", categoryID)
        let merchant: String? = validator.text("merchant", merchant, maximum: 200)
        let note: String? = validator.text("note", note, maximum: 1000)
        let tags = checkedTags(&validator)
        let splits = checkedSplits(&validator, total: money)
        let externalID: String? = validator.text("external_id", externalID, maximum: 200)
        return Expense(
            id: id, ownerID: ownerID, kind: try validator.checked(kind), amount: try validator.checked(money),
            spentOn: try validator.checked(day), categoryID: category, merchant: merchant, note: note, tags: tags,
            splits: splits, externalID: externalID, version: 1, createdAt: now, updatedAt: now)
    }

    private func checkedTags(_ validator: inout Validator) -> [String] {
        if tags.count > 20 { validator.fail("tags", "too_many", "must be at most 20") }
        var checked: [String] = []
        for (index, tag) in tags.prefix(20).enumerated() {
            let text: String? = validator.text("tags.\(index)", tag, maximum: 50)
            guard let text, !checked.contains(text) else { continue }
            checked.append(text)
        }
        return checked
    }

    private func checkedSplits(_ validator: inout Validator, total: Money?) -> [Split] {
        if splits.count > 50 { validator.fail("splits", "too_many", "must be at most 50") }
        var checked: [Split] = []
        for (index, split) in splits.prefix(50).enumerated() {
            let field = "splits.\(index)"
            let category: UUIDv7? = validator.identifier("\(field).category_id", split.categoryID)
            let money = validator.money(
                "\(field).amount", amount: split.amount.amount, currency: split.amount.currency)
            let note: String? = validator.text("\(field).note", split.note, maximum: 1000)
            guard let category, let money else { continue }
            checked.append(Split(categoryID: category, amount: money, note: note))
        }
        guard !splits.isEmpty, checked.count == splits.count, let total else { return checked }
        do {
            if try Money.sum(checked.map(\.amount), in: total.currency) != total {
                validator.fail("splits", "sum_mismatch", "must add up to the amount")
            }
        } catch {
            validator.fail("splits", error.code.rawValue, "must be in the currency of the amount and add up to it")
        }
        return checked
    }
}
