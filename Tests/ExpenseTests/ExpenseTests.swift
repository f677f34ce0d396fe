import Chronology
import ExpenseDomain
import Money
import Testing
import Validation

@Suite struct ExpenseRequestTests {
    static let food = UUIDv7.make()
    static let home = UUIDv7.make()

    private func request() -> ExpenseRequest {
        ExpenseRequest(amount: ("12.34", "EUR"), spentOn: "2026-11-20", tags: ["a", "b", "a"])
    }

    @Test func whatHoldsIsAnExpense() throws {
        let expense = try request().expense(ownerID: owner, at: moment)
        #expect(expense.kind == .expense)
        #expect(expense.amount.description == "12.34 EUR")
        #expect(expense.tags == ["a", "b"])
        #expect(expense.version == 1)
    }

    @Test func everyBrokenRuleIsTold() {
        var request = request()
        request.kind = "gift"
        request.amount = ("12.345", "EUR")
        request.spentOn = "20.11.2026"
        request.categoryID = "7"
        request.merchant = ""
        request.tags = ["", "ok"]
        let failure = #expect(throws: ValidationFailure.self) { try request.expense(ownerID: owner, at: moment) }
        #expect(
            failure?.errors.map { "\($0.field) \($0.code)" } == [
                "kind unknown_value", "amount.amount too_many_decimals", "spent_on invalid_date",
                "category_id invalid_id",
                "merchant required", "tags.0 required",
            ])
    }

    @Test(
        arguments: [
            (["10.00 EUR", "2.34 EUR"], []), (["10.00 EUR", "2.33 EUR"], ["splits sum_mismatch"]),
            (["10.00 EUR", "2.34 USD"], ["splits currency_mismatch"]),
            (["12.34 EUR", "0 EUR"], ["splits.1.amount.amount zero_amount"]),
        ] as [([String], [String])])
    func splitsAddUp(parts: [String], errors: [String]) {
        var request = request()
        request.splits = parts.map { part in
            let words = part.split(separator: " ").map(String.init)
            return (categoryID: Self.food.description, amount: (words[0], words[1]), note: nil)
        }
        do {
            let expense = try request.expense(ownerID: owner, at: moment)
            #expect(errors.isEmpty && expense.splits.count == parts.count)
        } catch {
            #expect(error.errors.map { "\($0.field) \($0.code)" } == errors)
        }
    }

    @Test func contributionsFollowSplitsAndKind() throws {
        var request = request()
        request.kind = "refund"
        request.categoryID = Self.food.description
        #expect(
            try request.expense(ownerID: owner, at: moment).contributions.map(\.amount.description) == ["-12.34 EUR"])
        request.splits = [
            (Self.food.description, ("2.34", "EUR"), nil), (Self.home.description, ("10.00", "EUR"), "rent"),
        ]
        let expense = try request.expense(ownerID: owner, at: moment)
        #expect(expense.contributions.map(\.categoryID) == [Self.food, Self.home])
        #expect(expense.contributions.map(\.amount.description) == ["-2.34 EUR", "-10.00 EUR"])
        #expect(expense.categoryIDs == [Self.food, Self.home])
    }
}

@Suite struct CategoryTests {
    @Test func defaultsAreDistinct() {
        let categories = Category.defaults(for: owner, at: moment)
        #expect(categories.count == 12)
        #expect(Set(categories.map(\.name)).count == 12)
        #expect(categories.contains { $0.name == "Groceries" })
    }

    @Test(arguments: [("#2e7d32", true), ("#2E7D32", true), ("2e7d32", false), ("#2e7d3", false), ("#2e7d3g", false)])
    func color(text: String, holds: Bool) {
        let category = try? Category.create(
            ownerID: owner, name: "Food", icon: nil, color: text, parentID: nil, at: moment)
        #expect((category != nil) == holds)
    }
}

@Suite struct ReportTests {
    private func line(_ key: String, _ total: String, _ currency: String = "EUR", count: Int64 = 1) throws -> ReportLine
    {
        ReportLine(key: key, label: key, currency: try Currency(code: currency), total: decimal(total), count: count)
    }

    private func request(currency: String? = nil) throws -> ReportRequest {
        try ReportRequest(from: "2026-11-01", to: "2026-11-30", groupBy: nil, currency: currency)
    }

    @Test func largestGroupFirst() throws {
        let report = try Report(
            [line("a", "1.00"), line("b", "5.00", count: 3), line("c", "1")], overall: [line("EUR", "7.00", count: 5)],
            request: request(), fallback: Currency(code: "INR"))
        #expect(report.groups.map(\.key) == ["b", "a", "c"])
        #expect(report.groups.map(\.count) == [3, 1, 1])
        #expect(report.total?.description == "7.00")
        #expect(report.currency.code == "EUR")
    }

    @Test func aCurrencyWithoutARateLeavesNoTotal() throws {
        let lines = [try line("a", "1.00"), try line("a", "2.00", "USD"), try line("b", "5.00")]
        let overall = [try line("EUR", "6.00"), try line("USD", "2.00", "USD")]
        let failure = #expect(throws: ValidationFailure.self) {
            try Report(lines, overall: overall, request: request(), fallback: Currency(code: "EUR"))
        }
        #expect(failure?.errors.map(\.field) == ["currency"])
        let report = try Report(
            lines, overall: overall, request: request(currency: "EUR"), fallback: Currency(code: "EUR"))
        #expect(report.groups.map(\.key) == ["b", "a"])
        #expect(report.groups.map(\.total?.description) == ["5.00", nil])
        #expect(report.total == nil)
    }

    @Test func nothingSpentIsZeroInTheFallbackCurrency() throws {
        let report = try Report([], overall: [], request: request(), fallback: Currency(code: "JPY"))
        #expect(report.total?.description == "0")
        #expect(report.currency.code == "JPY")
    }

    @Test func aRangeThatEndsBeforeItBeginsIsRefused() {
        let failure = #expect(throws: ValidationFailure.self) {
            try ReportRequest(from: "2026-11-02", to: "2026-11-01", groupBy: "day", currency: nil)
        }
        #expect(failure?.errors.map { "\($0.field) \($0.code)" } == ["to out_of_range", "group_by unknown_value"])
    }
}
