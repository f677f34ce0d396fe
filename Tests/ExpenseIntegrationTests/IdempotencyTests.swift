import Chronology
import Contracts
import GRPC
import Idempotency
import Postgres
import ServiceRuntime
import Testing

@testable import ExpenseInfrastructure

/// `Idempotency-Key` as clients may rely on it.
@Suite struct IdempotencyTests {
    @Test(arguments: [false, true]) func fiveHundredOfOneKeyHaveOneEffect(hasBudget: Bool) async throws {
        try await ExpenseFixture.run { service in
            if hasBudget { _ = try await service.budget("1000.00") }
            let request = CreateExpenseRequest.plain("5.00")
            // Others go on meanwhile: those who are refused hold no connection.
            async let others = service.create(
                (0..<40).map { .plain("\($0 + 1).00") }, by: (0..<4).map { _ in UUIDv7.make() })
            let answers = try await service.create(request, withKeys: Array(repeating: "k", count: 500))
            let replies = answers.compactMap(\.self)
            #expect(Set(replies.map(\.message.id)).count == 1)
            #expect(replies.filter { $0.trailingMetadata[IdempotentCalls.replayedMetadata] == nil }.count == 1)
            let later = try await service.client.createExpense(
                request, metadata: service.metadata(key: "k"), timeout: .seconds(30))
            #expect(later.trailingMetadata[IdempotentCalls.replayedMetadata] == "true")
            #expect(try replies.allSatisfy { try $0.message.serialized() == later.message.serialized() })
            #expect(try await others.count == 40)
            let made = try await service.pool.query(
                "SELECT count(*) FROM expenses WHERE owner_id = \(service.user)")
            #expect(try made.first(as: Int64.self) == 1)
            #expect(try await service.events(of: ExpenseCreatedV1.type).count == 41)
            #expect(
                await refusal {
                    _ = try await service.client.createExpense(
                        request, metadata: service.metadata(key: "k", fingerprint: "other"), timeout: .seconds(30))
                } == "idempotency_key_reused")
        }
    }

    /// The first call waits for a lock; the second does not wait for the first.
    @Test func aRepetitionOfARunningCallIsRefused() async throws {
        try await ExpenseFixture.run { service in
            let create = { @Sendable in
                try await service.client.createExpense(
                    .plain("5.00"), metadata: service.metadata(key: "k"), timeout: .seconds(60))
            }
            var first: Task<ContractReply<Expense>, any Error>?
            try await service.pool.withTransaction { transaction in
                try await transaction.query(ExpenseRepository.spendingLock(service.user, shared: false))
                first = Task { try await create() }
                try await waitForLockWaiter(in: transaction)
                let status = await #expect(throws: GRPCStatus.self) { _ = try await create() }
                let problem = ProblemDetails(try #require(status))
                #expect(problem.code == "idempotency_in_progress")
                #expect(problem.status == 409)
                #expect(problem.retryAfter == 1)
            }
            let answer = try await #require(first).value
            let again = try await create()
            #expect(again.message == answer.message)
            #expect(again.trailingMetadata[IdempotentCalls.replayedMetadata] == "true")
        }
    }

    /// The first call runs in another process, which is to be seen by its transaction alone. Where that is rolled back, as by
    /// a crash, the key is free.
    @Test(arguments: [false, true], [false, true])
    func aCallThatRunsElsewhereIsSeen(hasBudget: Bool, isCommitted: Bool) async throws {
        try await ExpenseFixture.run { service in
            if hasBudget { _ = try await service.budget("1000.00") }
            let kept = Expense(id: UUIDv7.make().description, kind: "expense", spentOn: "2026-11-10")
            let receipt = IdempotencyReceipt(
                key: IdempotencyKey(userID: service.user, key: "k", fingerprint: "f"), answer: try kept.serialized())
            let create = { @Sendable in
                try await service.client.createExpense(
                    .plain("5.00"), metadata: service.metadata(key: "k"), timeout: .seconds(30))
            }
            struct Crash: Error {}
            do {
                try await service.pool.withTransaction { transaction in
                    try await transaction.query(IdempotencyRecords.insert(receipt))
                    #expect(await refusal { _ = try await create() } == "idempotency_in_progress")
                    #expect(
                        await refusal {
                            _ = try await service.client.createCategory(
                                CreateCategoryRequest(name: "Food"), metadata: service.metadata(key: "k"),
                                timeout: .seconds(30))
                        } == "idempotency_in_progress")
                    guard isCommitted else { throw Crash() }
                }
            } catch is Crash {
                #expect(!isCommitted)
            }
            let answer = try await create()
            #expect((answer.trailingMetadata[IdempotentCalls.replayedMetadata] == "true") == isCommitted)
            #expect((answer.message.id == kept.id) == isCommitted)
            #expect(try await service.events(of: ExpenseCreatedV1.type).count == (isCommitted ? 0 : 1))
        }
    }

    @Test func anAnswerIsKeptForADay() async throws {
        try await ExpenseFixture.run { service in
            let create = {
                try await service.client.createExpense(
                    .plain("5.00"), metadata: service.metadata(key: "k"), timeout: .seconds(30)
                ).message.id
            }
            let first = try await create()
            _ = try await service.pool.query(
                "UPDATE idempotency_keys SET created_at = now() - interval '23 hours 59 minutes'")
            #expect(try await create() == first)
            _ = try await service.pool.query(
                "UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 second'")
            let second = try await create()
            #expect(second != first)
            #expect(try await create() == second)
        }
    }

    @Test func aRepeatedDeletionIsAnsweredAgain() async throws {
        try await ExpenseFixture.run { service in
            let expense = try await service.expense("5.00")
            let request = DeleteExpenseRequest(id: expense.id)
            let delete = { (key: String) in
                try await service.client.deleteExpense(
                    request, metadata: service.metadata(key: key), timeout: .seconds(30)
                ).trailingMetadata[IdempotentCalls.replayedMetadata]
            }
            #expect(try await delete("k") == nil)
            #expect(try await delete("k") == "true")
            #expect(await refusal { _ = try await delete("other") } == "not_found")
            #expect(try await service.events(of: ExpenseDeletedV1.type) == [expense.id])
        }
    }

    @Test func aRefusedRequestDoesNotUseUpItsKey() async throws {
        try await ExpenseFixture.run { service in
            let metadata = service.metadata(key: "k")
            #expect(
                await refusal {
                    _ = try await service.client.createExpense(
                        .plain("5.00", category: UUIDv7.make().description), metadata: metadata, timeout: .seconds(30))
                } == "validation_failed category_id:unknown_category")
            #expect(
                await refusal {
                    _ = try await service.client.deleteExpense(
                        DeleteExpenseRequest(id: UUIDv7.make().description), metadata: metadata, timeout: .seconds(30))
                } == "not_found")
            let made = try await service.client.createExpense(
                .plain("5.00"), metadata: metadata, timeout: .seconds(30))
            #expect(made.trailingMetadata[IdempotentCalls.replayedMetadata] == nil)
        }
    }
}

/// Returns when somebody waits for an advisory lock; asks on a connection that is not behind who waits.
private func waitForLockWaiter(in transaction: PostgresTransaction) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    let waiting: PostgresQuery = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    while try await transaction.query(waiting).first(as: Int64.self) == 0 {
        try #require(ContinuousClock.now < deadline, "nobody waits")
        try await Task.sleep(for: .milliseconds(5))
    }
}
