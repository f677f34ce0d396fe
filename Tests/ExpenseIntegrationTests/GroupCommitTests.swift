import Chronology
import Contracts
import ExpenseApplication
import GRPC
import Messaging
import Postgres
import ServiceRuntime
import Testing

@testable import ExpenseInfrastructure

/// Expenses of many requests are written together, and none of them notices.
@Suite struct GroupCommitTests {
    @Test func eachOfAGroupKeepsItsOwnData() async throws {
        try await ExpenseFixture.run { service in
            let users = (0..<10).map { _ in UUIDv7.make() }
            let requests = (0..<100).map { number in
                CreateExpenseRequest(
                    kind: number % 3 == 0 ? "refund" : nil,
                    amount: Money(amount: "\(number + 1).0\(number % 10)", currency: number % 2 == 0 ? "EUR" : "USD"),
                    spentOn: "2026-11-\(10 + number % 20)", merchant: number % 4 == 0 ? nil : "m\(number)",
                    note: number % 5 == 0 ? "line\nwith , ' \" \\ {} of \(number)" : nil,
                    tags: (0..<number % 4).map { "tag, \"\(number)\" \\ \($0)" },
                    externalID: number % 7 == 0 ? "x\(number)" : nil)
            }
            let made = try await service.create(requests, by: users)
            for (number, expense) in made.enumerated() {
                let shown = try await service.client.getExpense(
                    GetExpenseRequest(id: expense.id), metadata: service.metadata(users[number % 10]),
                    timeout: .seconds(30)
                ).message
                #expect(shown == expense)
                #expect(shown.amount == requests[number].amount)
                #expect(shown.tags == requests[number].tags)
                #expect(shown.note == requests[number].note)
            }
            let sums = try await service.pool.query(
                """
                SELECT count(*), count(DISTINCT e.id), count(*) FILTER (WHERE p.amount
                    = CASE e.kind WHEN 'refund' THEN -e.amount ELSE e.amount END AND p.spent_on = e.spent_on)
                FROM expenses e JOIN expense_parts p ON p.expense_id = e.id AND p.owner_id = e.owner_id
                    AND p.currency = e.currency AND NOT p.is_split
                """)
            let (parts, expenses, right) = try sums[0].decode(Int64.self, Int64.self, Int64.self)
            #expect(parts == 100 && expenses == 100 && right == 100)
            let transactions = try await service.pool.query("SELECT count(DISTINCT xmin::text) FROM expenses")
            #expect(try transactions.first(as: Int64.self) < 100)
            #expect(try await service.events(of: ExpenseCreatedV1.type) == Set(made.map(\.id)))
        }
    }

    /// What cannot be written in a group is told to the one whose it is, and to nobody else.
    @Test func anUnknownCategoryHarmsNobodyElse() async throws {
        try await ExpenseFixture.run { service in
            let food = try await service.category("Food")
            let stranger = UUIDv7.make()
            let answers = await withTaskGroup(of: String?.self) { group in
                for number in 0..<40 {
                    let caller = number % 4 == 0 ? stranger : service.user
                    group.addTask {
                        await refusal { _ = try await service.create([.plain("1.00", category: food)], by: [caller]) }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.filter { $0 == "validation_failed category_id:unknown_category" }.count == 10)
            #expect(answers.filter { $0 == nil }.count == 30)
            let left = try await service.pool.query(
                "SELECT (SELECT count(*) FROM expenses), (SELECT count(*) FROM expense_parts), count(*) FROM outbox")
            let (expenses, parts, events) = try left[0].decode(Int64.self, Int64.self, Int64.self)
            #expect(expenses == 30 && parts == 30 && events == 30)
        }
    }

    /// A budget that another process has made: groups find it, whoever remembers what.
    @Test(arguments: [false, true]) func aBudgetOfAnotherProcessCounts(isMadeMeanwhile: Bool) async throws {
        try await ExpenseFixture.run { service in
            let food = try await service.category("Food")
            let bakery = try await service.category("Bakery", parent: food)
            let budgets = Budgets(
                store: ExpenseRepository(pool: service.pool, outbox: service.outbox), clock: SystemClock())
            let today = SystemClock().today()
            let others = (0..<3).map { _ in UUIDv7.make() }
            let make = {
                try await budgets.create(
                    caller: service.user,
                    .init(
                        name: "Budget", categoryID: food, limit: (amount: "100.00", currency: "EUR"),
                        period: "monthly", startsOn: today.firstOfMonth.description, thresholds: [80, 100])
                ) { _ in nil }.id.description
            }
            let before = isMadeMeanwhile ? nil : try await make()
            async let made = isMadeMeanwhile ? make() : ""
            let requests = (0..<40).map { number in
                CreateExpenseRequest.plain(
                    "10.00", on: today.description, category: number % 2 == 0 ? bakery : nil)
            }
            // The user's own are every other; of those the budget counts the ones with the category.
            _ = try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, request) in requests.enumerated() {
                    let caller = number % 2 == 0 ? service.user : others[number % 3]
                    group.addTask { _ = try await service.create([request], by: [caller]) }
                }
                try await group.waitForAll()
            }
            let meanwhile = try await made
            let id = before ?? meanwhile
            #expect(
                try await service.thresholdEvents(ofBudget: id).sorted() == ["exceeded 100 #1", "exceeded 80 #1"])
            #expect(try await service.events(of: ExpenseCreatedV1.type).count == 40)
            let spent = try await service.client.getBudgetStatus(
                GetBudgetStatusRequest(id: id, on: today.description), metadata: service.metadata(),
                timeout: .seconds(30)
            ).message.spent?.value?.amount
            #expect(spent == "200.00")
        }
    }

    @Test(arguments: [false, true]) func aKeyIsReplayedOnBothWays(hasBudget: Bool) async throws {
        try await ExpenseFixture.run { service in
            if hasBudget { _ = try await service.budget("1000.00") }
            let request = CreateExpenseRequest.plain("5.00")
            let keys = (0..<60).map { "k\($0 % 6)" }
            let replies = try await service.create(request, withKeys: keys).compactMap(\.self)
            #expect(Set(replies.map(\.message.id)).count == 6)
            #expect(replies.filter { $0.trailingMetadata[IdempotentCalls.replayedMetadata] == nil }.count == 6)
            let later = try await service.client.createExpense(
                request, metadata: service.metadata(key: "k3"), timeout: .seconds(60))
            #expect(later.trailingMetadata[IdempotentCalls.replayedMetadata] == "true")
            #expect(replies.contains { $0.message == later.message })
            // Another user's key of the same name is another key.
            let other = try await service.client.createExpense(
                request, metadata: service.metadata(.make(), key: "k3"), timeout: .seconds(60))
            #expect(other.trailingMetadata[IdempotentCalls.replayedMetadata] == nil)
            #expect(try await service.events(of: ExpenseCreatedV1.type).count == 7)
        }
    }

    /// Whoever gives up is answered at once, whatever the group waits for; the others get what they came for.
    @Test func aCallerThatLeavesDoesNotHoldUpTheGroup() async throws {
        try await ExpenseFixture.run { service in
            let repository = ExpenseRepository(pool: service.pool, outbox: service.outbox)
            let expenses = Expenses(store: repository, clock: SystemClock())
            let create = { @Sendable in
                _ = try await expenses.create(
                    caller: service.user, .init(amount: (amount: "1.00", currency: "EUR"), spentOn: "2026-11-10")
                ) { _ in nil }
            }
            var patient: Task<Void, any Error>?
            try await service.pool.withTransaction { transaction in
                try await transaction.query(ExpenseRepository.spendingLock(service.user, shared: false))
                let hasty = Task(executorPreference: service.loop) { try await create() }
                let other = Task(executorPreference: service.loop) { try await create() }
                patient = other
                hasty.cancel()
                let error = await #expect(throws: PostgresError.self) { try await hasty.value }
                #expect(error?.code == .cancelled)
            }
            try await #require(patient).value
            let count = try await service.pool.query("SELECT count(*) FROM expenses").first(as: Int64.self)
            #expect(count >= 1)
        }
    }

    @Test func noMoreWaitThanAreAllowed() async throws {
        try await ExpenseFixture.run { service in
            let groups = GroupCommit(
                pool: service.pool, outbox: service.outbox, limits: .init(groups: 1, expenses: 1, waiting: 0))
            let expenses = Expenses(
                store: ExpenseRepository(pool: service.pool, outbox: service.outbox), clock: SystemClock())
            let expense = try await expenses.create(
                caller: service.user, .init(amount: (amount: "1.00", currency: "EUR"), spentOn: "2026-11-10")
            ) { _ in nil }
            let again = ExpenseWrite(expense: expense, event: try ExpenseEvents.created(expense), receipt: nil)
            let error = await #expect(throws: PostgresError.self) { try await groups.commit(again) }
            #expect(error?.code == .poolExhausted)
        }
    }

    @Test func whatIsRememberedOfBudgetsIsBounded() {
        let owners = BudgetOwners(limit: 3)
        let users = (0..<4).map { _ in UUIDv7.make() }
        for user in users.prefix(3) { owners.insert(user) }
        #expect(users.prefix(3).allSatisfy(owners.contains))
        owners.insert(users[3])
        #expect(owners.contains(users[3]))
        #expect(!users.prefix(3).contains(where: owners.contains))
    }
}
