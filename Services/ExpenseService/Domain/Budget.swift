package import Chronology
package import Money
package import Validation

/// How often a budget begins anew.
package enum BudgetPeriod: String, Sendable, CaseIterable {
    case weekly
    case monthly
    case quarterly
    case yearly

    /// The first day of the `index`-th period of a budget that starts on `start`; index 0 is `start` itself.
    ///
    /// Counted from `start` each time, so that a budget from the 31st comes back to the 31st after a shorter month.
    func start(_ index: Int, from start: CalendarDate) -> CalendarDate {
        switch self {
        case .weekly: start.adding(days: 7 * index)
        case .monthly: start.adding(months: index)
        case .quarterly: start.adding(months: 3 * index)
        case .yearly: start.adding(months: 12 * index)
        }
    }

    /// A number of periods that are over before `days` days are: a place to begin counting.
    func certainlyPast(days: Int) -> Int {
        switch self {
        case .weekly: days / 7
        case .monthly: max(0, days / 31)
        case .quarterly: max(0, days / 92)
        case .yearly: max(0, days / 366)
        }
    }
}

/// One period of a budget.
package struct BudgetInterval: Sendable, Hashable {
    /// How many periods of the budget came before.
    package let index: Int
    package let start: CalendarDate
    /// The last day.
    package let end: CalendarDate
}

/// A limit on the spending of a category, or of everything, in each period.
package struct Budget: Sendable, Hashable {
    package let id: UUIDv7
    package let ownerID: UUIDv7
    package let name: String
    /// Counts the spending of the category and of its children; nil counts all spending.
    package let categoryID: UUIDv7?
    package let limit: Money
    package let period: BudgetPeriod
    package let startsOn: CalendarDate
    /// The last day that counts.
    package let endsOn: CalendarDate?
    /// Whether what is left over, or overspent, is carried into the next period.
    package let rollover: Bool
    /// Percents of the limit whose crossing is told, ascending.
    package let thresholds: [Int64]
    package let version: Int64
    package let createdAt: Timestamp
    package let updatedAt: Timestamp

    package init(
        id: UUIDv7, ownerID: UUIDv7, name: String, categoryID: UUIDv7?, limit: Money, period: BudgetPeriod,
        startsOn: CalendarDate, endsOn: CalendarDate?, rollover: Bool, thresholds: [Int64], version: Int64,
        createdAt: Timestamp, updatedAt: Timestamp
    ) {
        self.id = id
        self.ownerID = ownerID
        self.name = name
        self.categoryID = categoryID
        self.limit = limit
        self.period = period
        self.startsOn = startsOn
        self.endsOn = endsOn
        self.rollover = rollover
        self.thresholds = thresholds
        self.version = version
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }

    /// The period that `day` falls in; nil before the budget starts and after it ends.
    package func interval(containing day: CalendarDate) -> BudgetInterval? {
        guard day >= startsOn, endsOn.map({ day <= $0 }) ?? true else { return nil }
        var index = period.certainlyPast(days: startsOn.days(until: day))
        while period.start(index, from: startsOn) > day { index -= 1 }
        while period.start(index + 1, from: startsOn) <= day { index += 1 }
        let last = period.start(index + 1, from: startsOn).adding(days: -1)
        return BudgetInterval(
            index: index, start: period.start(index, from: startsOn), end: endsOn.map { min($0, last) } ?? last)
    }

    /// The period after `interval`; nil where the budget has ended.
    package func interval(after interval: BudgetInterval) -> BudgetInterval? {
        self.interval(containing: interval.end.adding(days: 1))
    }
}

/// What a client asks for, as it was written.
package struct BudgetRequest: Sendable {
    package var name: String
    package var categoryID: String?
    package var limit: (amount: String, currency: String)
    package var period: String
    package var startsOn: String
    package var endsOn: String?
    package var rollover: Bool?
    package var thresholds: [Int64]

    package init(
        name: String, categoryID: String? = nil, limit: (amount: String, currency: String), period: String,
        startsOn: String, endsOn: String? = nil, rollover: Bool? = nil, thresholds: [Int64] = []
    ) {
        self.name = name
        self.categoryID = categoryID
        self.limit = limit
        self.period = period
        self.startsOn = startsOn
        self.endsOn = endsOn
        self.rollover = rollover
        self.thresholds = thresholds
    }

    /// Checks the request and makes the budget. Whether its category exists is looked up elsewhere.
    ///
    /// - Throws: every field that breaks a rule.
    package func budget(
        id: UUIDv7 = .make(), ownerID: UUIDv7, at now: Timestamp
    ) throws(ValidationFailure) -> Budget {
        var validator = Validator()
        let name: String? = validator.text("name", name, maximum: 100)
        let category: UUIDv7? = validator.identifier("category_id", categoryID)
        let limit = validator.money("limit", amount: limit.amount, currency: limit.currency)
        let period: BudgetPeriod? = validator.choice("period", period)
        let start: CalendarDate? = validator.date("starts_on", startsOn)
        let end: CalendarDate? = validator.date("ends_on", endsOn)
        if let start, let end, end < start {
            validator.fail("ends_on", "out_of_range", "must not lie before starts_on")
        }
        if thresholds.count > 10 { validator.fail("thresholds", "too_many", "must be at most 10") }
        for (index, threshold) in thresholds.prefix(10).enumerated() {
            _ = validator.number("thresholds.\(index)", threshold, in: 1...1000)
        }
        if Set(thresholds).count < thresholds.count {
            validator.fail("thresholds", "duplicate", "must differ from each other")
        }
        return Budget(
            id: id, ownerID: ownerID, name: try validator.checked(name), categoryID: category,
            limit: try validator.checked(limit), period: try validator.checked(period),
            startsOn: try validator.checked(start), endsOn: end, rollover: rollover ?? false,
            thresholds: thresholds.sorted(), version: 1, createdAt: now, updatedAt: now)
    }
}
