import Chronology
import Contracts
import GRPC
import Messaging
import Testing

/// Each crossing of a threshold is told exactly once, whatever happens side by side.
@Suite struct BudgetEvaluationTests {
    @Test func eachCrossingIsToldOnce() async throws {
        try await ExpenseFixture.run { service in
            let groceries = try await service.category("Food")
            let budget = try await service.budget(category: groceries)
            try await service.expense("150.00", category: groceries)
            #expect(try await service.thresholdEvents(of: budget).isEmpty)
            let second = try await service.expense("20.00", category: groceries)
            try await service.expense("40.00", category: groceries)
            try await service.expense("5.00", category: groceries, kind: "refund")
            try await service.delete(second)
            try await service.expense("15.00", category: groceries)
            #expect(
                try await service.thresholdEvents(of: budget) == [
                    "exceeded 80 #1", "exceeded 100 #1", "recovered 100 #1", "exceeded 100 #2",
                ])
            let status = try await service.status(budget)
            #expect(status.spent?.value?.amount == "200.00")
            #expect(status.remaining?.value?.amount == "0.00")
            #expect(status.percent?.value == "100.00")
            #expect(status.crossed == [80, 100])
        }
    }

    @Test func concurrentWritesTellEachCrossingOnce() async throws {
        try await ExpenseFixture.run { service in
            let groceries = try await service.category("Food")
            let budget = try await service.budget(category: groceries)
            // Fifty of 10.00 side by side cross both thresholds once; deleting them side by side falls back once.
            let expenses = try await withThrowingTaskGroup(of: Expense.self) { group in
                for _ in 0..<50 { group.addTask { try await service.expense("10.00", category: groceries) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(try await service.thresholdEvents(of: budget) == ["exceeded 80 #1", "exceeded 100 #1"])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for expense in expenses { group.addTask { try await service.delete(expense) } }
                try await group.waitForAll()
            }
            #expect(
                try await service.thresholdEvents(of: budget) == [
                    "exceeded 80 #1", "exceeded 100 #1", "recovered 100 #1", "recovered 80 #1",
                ])
            #expect(try await service.status(budget).spent?.value?.amount == "0.00")
        }
    }

    /// A budget created while expenses are written sees each of them, at its creation or afterwards.
    @Test func aBudgetCreatedMeanwhileMissesNothing() async throws {
        try await ExpenseFixture.run { service in
            let groceries = try await service.category("Food")
            let today = SystemClock().today()
            async let budget = service.budget("100.00", category: groceries, startsOn: today.firstOfMonth.description)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<30 {
                    group.addTask {
                        try await service.expense("10.00", on: today.description, category: groceries)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await service.thresholdEvents(of: budget).sorted() == ["exceeded 100 #1", "exceeded 80 #1"])
        }
    }

    @Test func aBudgetCountsChildrenSplitsAndRefundsOfItsCategory() async throws {
        try await ExpenseFixture.run { service in
            let food = try await service.category("Food")
            let bakery = try await service.category("Bakery", parent: food)
            let home = try await service.category("Home")
            let ofFood = try await service.budget("100.00", category: food)
            let ofAll = try await service.budget("100.00")
            try await service.expense("30.00", category: bakery)
            try await service.expense("50.00", splits: [(food, "20.00"), (home, "30.00")])
            try await service.expense("10.00", category: food, kind: "refund")
            try await service.expense("7.00")
            #expect(try await service.status(ofFood).spent?.value?.amount == "40.00")
            #expect(try await service.status(ofAll).spent?.value?.amount == "77.00")
        }
    }

    @Test func rolloverCarriesWhatIsLeftAndReachesLaterPeriods() async throws {
        try await ExpenseFixture.run { service in
            let budget = try await service.budget("100.00", startsOn: "2026-09-01", rollover: true)
            try await service.expense("60.00", on: "2026-09-10")
            try await service.expense("90.00", on: "2026-10-10")
            let october = try await service.status(budget, on: "2026-10-31")
            #expect(october.carriedOver?.value?.amount == "40.00")
            #expect(october.remaining?.value?.amount == "50.00")
            let november = try await service.status(budget, on: "2026-11-30")
            #expect(november.carriedOver?.value?.amount == "50.00")
        }
    }

    @Test func anotherCurrencyIsAFactThatLeavesTheFiguresUnavailable() async throws {
        try await ExpenseFixture.run { service in
            let budget = try await service.budget()
            try await service.expense("170.00")
            let foreign = try await service.expense("50.00", currency: "USD")
            let status = try await service.status(budget)
            #expect(status.spent?.value == nil)
            #expect(status.spent?.unavailable?.reason == "rate_unavailable")
            #expect(status.spent?.unavailable?.detail.contains(foreign.id) == true)
            try await service.delete(foreign)
            #expect(try await service.status(budget).spent?.value?.amount == "170.00")
            #expect(try await service.thresholdEvents(of: budget) == ["exceeded 80 #1"])
        }
    }
}
