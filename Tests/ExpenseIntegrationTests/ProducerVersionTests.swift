import Chronology
import CloudEvents
import Contracts
import ExpenseInfrastructure
import Messaging
import MessagingTesting
import Postgres
import ServiceRuntime
import Testing

/// Events of producers one version ahead or behind, and what is none, at the consumer of this service.
@Suite(.timeLimit(.minutes(5))) struct ProducerVersionTests {
    private func registered(_ user: UUIDv7) throws -> CloudEvent {
        let time = SystemClock().now()
        return try OutboxEvent(
            UserRegisteredV1(
                userID: user.description, email: "ada@example.org", displayName: "Ada", baseCurrency: "EUR",
                locale: "en", registeredAt: time.description), service: "auth", subject: user, user: user, sequence: 1,
            time: time
        ).event
    }

    @Test func everyVersionGivesTheSameCategoriesAndTheRestIsPutAside() async throws {
        try await ExpenseFixture.run { service in
            let users = ProducerVersion.allCases.map { _ in UUIDv7.make() }
            let reasons = try await ProducerVersion.consume(
                users.map(registered), beside: ForeignMessage.allCases.map { _ in try registered(.make()) },
                from: EventQueues.expenseUsers, by: UserLifecycleHandler(categories: service.categories),
                in: service.pool)
            #expect(reasons == ForeignMessage.reasons)

            let rows = try await service.pool.query(
                "SELECT owner_id, string_agg(name, ',' ORDER BY name) FROM categories GROUP BY owner_id")
            let made = try rows.reduce(into: [UUIDv7: String]()) { made, row in
                made[try row.decode(UUIDv7.self, at: 0)] = try row.decode(String.self, at: 1)
            }
            #expect(Set(made.keys) == Set(users))
            #expect(Set(made.values).count == 1)
        }
    }
    @Test func everyVersionOfADeletionIsAnErasure() async throws {
        try await ExpenseFixture.run { service in
            func deleted(_ user: UUIDv7) throws -> CloudEvent {
                try OutboxEvent(
                    UserDeletedV1(userID: user.description, erasureID: "e", deletedAt: "2026-11-20T09:30:00.123Z"),
                    service: "auth", subject: user, user: user, sequence: 9, time: SystemClock().now()
                ).event
            }
            let users = ProducerVersion.allCases.map { _ in UUIDv7.make() }
            let reasons = try await ProducerVersion.consume(
                users.map(deleted), beside: ForeignMessage.allCases.map { _ in try deleted(.make()) },
                from: EventQueues.expenseErasures,
                by: ErasureHandler(ExpenseErasure.service, outbox: service.outbox, clock: SystemClock()),
                in: service.pool)
            #expect(reasons == ForeignMessage.reasons)
            let erased = try await service.pool.query("SELECT user_id FROM erased_users").map {
                try $0.decode(UUIDv7.self, at: 0)
            }
            #expect(erased.sorted() == users.sorted())
        }
    }
}
