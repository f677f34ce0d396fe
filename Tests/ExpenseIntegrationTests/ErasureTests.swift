import Chronology
import CloudEvents
import Contracts
import ExpenseInfrastructure
import GRPC
import Messaging
import Postgres
import ServiceRuntime
import Testing

/// What becomes of a user's expenses when the account is gone.
@Suite(.timeLimit(.minutes(5))) struct ErasureTests {
    private func erase(_ service: ExpenseFixture, _ user: UUIDv7) async throws {
        let event = try OutboxEvent(
            UserDeletedV1(userID: user.description, erasureID: "e1", deletedAt: "2026-11-20T09:30:00.123Z"),
            service: "auth", subject: user, user: user, sequence: 9, time: SystemClock().now()
        ).event
        let handler = ErasureHandler(ExpenseErasure.service, outbox: service.outbox, clock: SystemClock())
        try await service.pool.withTransaction { try await handler.handle(event, in: $0) }
    }

    private func registered(_ user: UUIDv7) throws -> CloudEvent {
        try OutboxEvent(
            UserRegisteredV1(
                userID: user.description, email: "ada@example.org", displayName: "Ada", baseCurrency: "EUR",
                locale: "en", registeredAt: "2026-11-20T09:30:00.123Z"),
            service: "auth", subject: user, user: user, sequence: 1, time: SystemClock().now()
        ).event
    }

    private func fill(_ service: ExpenseFixture) async throws {
        let food = try await service.category("Food")
        let fruit = try await service.category("Fruit", parent: food)
        _ = try await service.budget("10.00", category: food)
        try await service.expense("12.00", category: fruit, merchant: "Secret shop")
        try await service.expense("3.00", splits: [(food, "1.00"), (fruit, "2.00")])
        _ = try await service.client.createExpense(
            .plain("4.00"), metadata: service.metadata(key: "k"), timeout: .seconds(30))
        try await service.pool.query(
            """
            INSERT INTO dead_letters (consumer, event_id, type, partition_key, reason, cause, attempts, error,
                content_type, headers, event)
            VALUES ('expense.user-lifecycle', \(UUIDv7.make()), 't', \(service.user.description), 'failed', 'c', 4, 'e',
                'application/json', '{}', \(Array("ada@example.org".utf8)))
            """)
    }

    @Test func nothingOfTheUserStaysAndOthersKeepTheirs() async throws {
        try await ExpenseFixture.run { service in
            try await fill(service)
            let other = UUIDv7.make()
            let kept = try await service.create([.plain("5.00")], by: [other])
            try await erase(service, service.user)
            #expect(
                try await service.pool.tables(mentioning: [service.user.description, "ada@example.org"]) == [
                    "erased_users", "outbox",
                ])
            #expect(
                try await service.pool.query(
                    "SELECT (SELECT count(*) FROM expense_parts), (SELECT count(*) FROM budget_thresholds)"
                ).first(as: Int.self, Int.self) == (1, 0))
            let shown = try await service.client.getExpense(
                GetExpenseRequest(id: kept[0].id), metadata: service.metadata(other), timeout: .seconds(30))
            #expect(shown.message == kept[0])
            #expect(try await service.events(of: ExpenseDataErasedV1.type) == [service.user.description])
            // A second event, whose first the inbox has forgotten, confirms nothing again.
            try await erase(service, service.user)
            #expect(try await service.events(of: ExpenseDataErasedV1.type) == [service.user.description])
        }
    }

    @Test func whatComesLateBringsNothingBack() async throws {
        try await ExpenseFixture.run { service in
            try await erase(service, service.user)
            #expect(await refusal { try await service.expense("1.00") } == "unauthenticated")
            #expect(await refusal { try await service.expense("1.00", tags: ["a"]) } == "unauthenticated")
            #expect(await refusal { _ = try await service.category("Food") } == "unauthenticated")
            #expect(await refusal { _ = try await service.budget() } == "unauthenticated")
            let handler = UserLifecycleHandler(categories: service.categories)
            let event = try registered(service.user)
            try await service.pool.withTransaction { try await handler.handle(event, in: $0) }
            #expect(
                try await service.pool.tables(mentioning: [service.user.description, "ada@example.org"]) == [
                    "erased_users", "outbox",
                ])
        }
    }

    /// Whichever of writing and erasing comes first, nothing is left. Others of the same group are not harmed.
    @Test func noWriteBesideTheErasureIsLeft() async throws {
        try await ExpenseFixture.run { service in
            let other = UUIDv7.make()
            let kept = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<80 {
                    let isOther = number % 4 == 0
                    let metadata = service.metadata(isOther ? other : service.user)
                    group.addTask {
                        let code = await refusal {
                            _ = try await service.client.createExpense(
                                .plain("1.00"), metadata: metadata, timeout: .seconds(60))
                        }
                        if let code { #expect(code == "unauthenticated" && !isOther) }
                        return isOther && code == nil
                    }
                    if number == 20 {
                        group.addTask {
                            try await erase(service, service.user)
                            return false
                        }
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(kept == 20)
            #expect(
                try await service.pool.tables(mentioning: [service.user.description, "ada@example.org"]) == [
                    "erased_users", "outbox",
                ])
            #expect(try await service.pool.query("SELECT count(*) FROM expenses").first(as: Int.self) == 20)
        }
    }
}
