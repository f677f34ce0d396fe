package import Chronology
package import Money
package import Validation

/// What the totals of a report are grouped by.
package enum ReportGrouping: String, Sendable, CaseIterable {
    case category
    case merchant
    case tag
    case month
    case currency
}

/// Which report is asked for.
package struct ReportRequest: Sendable, Hashable {
    package let from: CalendarDate
    package let to: CalendarDate
    package let grouping: ReportGrouping
    /// The currency of the totals; nil where all expenses of the range have one.
    package let currency: Currency?

    /// Checks what a client asks for.
    ///
    /// - Throws: the fields `from`, `to`, `group_by`, `currency` that break a rule.
    package init(from: String, to: String, groupBy: String?, currency: String?) throws(ValidationFailure) {
        var validator = Validator()
        let first: CalendarDate? = validator.date("from", from)
        let last: CalendarDate? = validator.date("to", to)
        if let first, let last, last < first {
            validator.fail("to", "out_of_range", "must not lie before from")
        }
        let grouping: ReportGrouping? = validator.choice("group_by", groupBy ?? ReportGrouping.category.rawValue)
        self.currency = validator.currency("currency", currency)
        self.from = try validator.checked(first)
        self.to = try validator.checked(last)
        self.grouping = try validator.checked(grouping)
    }
}

/// The total of one group in one currency, as the database sums it.
package struct ReportLine: Sendable, Hashable {
    /// What identifies the group; empty for what has no category, merchant or tag.
    package let key: String
    /// The group as a person reads it.
    package let label: String
    package let currency: Currency
    package let total: Decimal
    package let count: Int64

    package init(key: String, label: String, currency: Currency, total: Decimal, count: Int64) {
        self.key = key
        self.label = label
        self.currency = currency
        self.total = total
        self.count = count
    }
}

/// Totals of a range in one currency.
package struct Report: Sendable, Hashable {
    /// A group and its total; nil where it holds expenses in a currency without a rate.
    package struct Group: Sendable, Hashable {
        package let key: String
        package let label: String
        package let total: Decimal?
        package let count: Int64
    }

    package let currency: Currency
    /// Nil where a group's total is.
    package let total: Decimal?
    /// The largest total first; groups without one last.
    package let groups: [Group]

    /// Makes the report of a range.
    ///
    /// - Parameters:
    ///   - lines: the totals of each group, one line for each currency in it.
    ///   - overall: the totals of the whole range by currency. Apart from the lines, because an expense with two tags stands
    ///     in two groups.
    ///   - fallback: the currency of a report on nothing.
    /// - Throws: `currency` is `required` where the lines hold several currencies and none was asked for.
    package init(
        _ lines: [ReportLine], overall: [ReportLine], request: ReportRequest, fallback: Currency
    ) throws(ValidationFailure) {
        let currencies = Set(overall.map(\.currency))
        guard request.currency != nil || currencies.count <= 1 else {
            throw ValidationFailure(
                field: "currency", code: "required", message: "the range holds several currencies: say which is wanted")
        }
        let currency = request.currency ?? currencies.first ?? fallback
        self.currency = currency
        var order: [String] = []
        var byKey: [String: [ReportLine]] = [:]
        for line in lines {
            if byKey[line.key] == nil { order.append(line.key) }
            byKey[line.key, default: []].append(line)
        }
        let groups = order.map { key in
            let parts = byKey[key] ?? []
            return Group(
                key: key, label: parts.first?.label ?? key, total: Self.total(parts, in: currency),
                count: parts.reduce(0) { $0 + $1.count })
        }
        self.groups = groups.sorted { left, right in
            switch (left.total, right.total) {
            case (let left?, let right?) where left != right: left > right
            case (.some, nil): true
            case (nil, .some): false
            default: left.label < right.label
            }
        }
        total = Self.total(overall, in: currency)
    }

    private static func total(_ lines: [ReportLine], in currency: Currency) -> Decimal? {
        guard lines.allSatisfy({ $0.currency == currency }) else { return nil }
        do {
            return try Decimal.sum(lines.map(\.total)).rounded(scale: currency.minorUnits)
        } catch {
            return nil
        }
    }
}
