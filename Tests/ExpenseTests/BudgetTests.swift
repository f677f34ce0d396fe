import Chronology
import ExpenseDomain
import Money
import Testing
import Validation

@Suite struct BudgetIntervalTests {
    struct Case: Sendable {
        let period: BudgetPeriod
        let startsOn: String
        let day: String
        let index: Int
        let interval: String
    }

    static let cases = [
        Case(period: .monthly, startsOn: "2026-11-01", day: "2026-11-01", index: 0, interval: "2026-11-01 2026-11-30"),
        Case(period: .monthly, startsOn: "2026-11-01", day: "2026-12-31", index: 1, interval: "2026-12-01 2026-12-31"),
        Case(period: .monthly, startsOn: "2026-01-31", day: "2026-02-27", index: 0, interval: "2026-01-31 2026-02-27"),
        Case(period: .monthly, startsOn: "2026-01-31", day: "2026-02-28", index: 1, interval: "2026-02-28 2026-03-30"),
        Case(period: .monthly, startsOn: "2026-01-31", day: "2026-03-31", index: 2, interval: "2026-03-31 2026-04-29"),
        Case(period: .weekly, startsOn: "2026-11-04", day: "2026-11-20", index: 2, interval: "2026-11-18 2026-11-24"),
        Case(
            period: .quarterly, startsOn: "2025-11-30", day: "2026-02-28", index: 1, interval: "2026-02-28 2026-05-29"),
        Case(period: .yearly, startsOn: "2024-02-29", day: "2025-02-27", index: 0, interval: "2024-02-29 2025-02-27"),
        Case(period: .yearly, startsOn: "2024-02-29", day: "2028-02-29", index: 4, interval: "2028-02-29 2029-02-27"),
        Case(
            period: .monthly, startsOn: "1926-11-01", day: "2026-11-20", index: 1200, interval: "2026-11-01 2026-11-30"),
    ]

    @Test(arguments: cases) func intervalOfADay(_ example: Case) throws {
        let interval = try #require(
            try budget(period: example.period, startsOn: example.startsOn).interval(containing: day(example.day)))
        #expect(interval.index == example.index)
        #expect("\(interval.start) \(interval.end)" == example.interval)
    }

    @Test(arguments: BudgetPeriod.allCases) func intervalsFollowEachOtherWithoutGap(period: BudgetPeriod) throws {
        let budget = try budget(period: period, startsOn: "2023-10-31")
        var interval = try #require(budget.interval(containing: budget.startsOn))
        for index in 1...200 {
            let next = try #require(budget.interval(after: interval))
            #expect(next.index == index)
            #expect(next.start == interval.end.adding(days: 1))
            #expect(budget.interval(containing: next.end) == next)
            interval = next
        }
    }

    @Test func noIntervalOutsideTheBudget() throws {
        let budget = try budget(endsOn: "2026-12-10")
        #expect(budget.interval(containing: day("2026-10-31")) == nil)
        #expect(budget.interval(containing: day("2026-12-10"))?.end == day("2026-12-10"))
        #expect(budget.interval(containing: day("2026-12-11")) == nil)
    }
}

@Suite struct BudgetStandingTests {
    private func standing(_ budget: Budget, spent: String, before: String = "0", on day: String = "2026-11-20") throws
        -> BudgetStanding
    {
        let interval = try #require(budget.interval(containing: ExpenseTests.day(day)))
        return try BudgetStanding(of: budget, in: interval, spent: decimal(spent), spentBefore: decimal(before))
    }

    @Test(
        arguments: [
            ("0", "200.00", "0.00", []), ("159.99", "40.01", "80.00", []), ("160.00", "40.00", "80.00", [80]),
            ("166.50", "33.50", "83.25", [80]), ("200.00", "0.00", "100.00", [80, 100]),
            ("-5.00", "205.00", "-2.50", []),
            ("229.70", "-29.70", "114.85", [80, 100]),
        ] as [(String, String, String, [Int64])])
    func figures(spent: String, remaining: String, percent: String, crossed: [Int64]) throws {
        let standing = try standing(try budget(), spent: spent)
        #expect(standing.remaining == decimal(remaining))
        #expect(standing.percent?.description == percent)
        #expect(standing.crossed == crossed)
    }

    @Test func whatIsLeftOverIsCarriedOn() throws {
        let budget = try budget(rollover: true)
        let third = try standing(budget, spent: "300.00", before: "250.00", on: "2027-01-15")
        #expect(third.carriedOver == decimal("150.00"))
        #expect(third.effectiveLimit == decimal("350.00"))
        #expect(third.percent?.description == "85.71")
        #expect(third.crossed == [80])
    }

    @Test func whatWasOverspentIsCarriedOnToo() throws {
        let budget = try budget(rollover: true)
        let second = try standing(budget, spent: "0.00", before: "450.00", on: "2026-12-01")
        #expect(second.carriedOver == decimal("-250.00"))
        #expect(second.effectiveLimit == decimal("-50.00"))
        #expect(second.percent == nil)
        #expect(second.crossed == [80, 100])
    }

    @Test func eachCrossingIsToldOnce() throws {
        let budget = try budget()
        var states: [ThresholdState] = []
        var told: [String] = []
        for spent in ["100", "165", "170", "150", "210", "210", "0", "250"] {
            let changes = try standing(budget, spent: spent).changes(from: states, thresholds: budget.thresholds)
            told += changes.map { "\($0.direction) \($0.threshold) #\($0.crossing)" }
            for change in changes { states = states.filter { $0.threshold != change.threshold } + [change.state] }
            #expect(try standing(budget, spent: spent).changes(from: states, thresholds: budget.thresholds).isEmpty)
        }
        #expect(
            told == [
                "exceeded 80 #1", "recovered 80 #1", "exceeded 80 #2", "exceeded 100 #1", "recovered 80 #2",
                "recovered 100 #1", "exceeded 80 #3", "exceeded 100 #2",
            ])
    }
}

@Suite struct BudgetRequestTests {
    @Test func everyBrokenRuleIsTold() {
        let request = BudgetRequest(
            name: " ", categoryID: "x", limit: ("0", "EUR"), period: "daily", startsOn: "2026-11-02",
            endsOn: "2026-11-01", thresholds: [0, 80, 80])
        let failure = #expect(throws: ValidationFailure.self) { try request.budget(ownerID: owner, at: moment) }
        #expect(
            failure?.errors.map { "\($0.field) \($0.code)" } == [
                "name required", "category_id invalid_id", "limit.amount zero_amount", "period unknown_value",
                "ends_on out_of_range", "thresholds.0 out_of_range", "thresholds duplicate",
            ])
    }

    @Test func thresholdsAreKeptInOrder() throws {
        #expect(try budget(thresholds: [100, 50, 80]).thresholds == [50, 80, 100])
    }
}
