import Chronology
import CloudEvents
import Contracts
import EventLoop
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
            let broker = InMemoryBroker()
            broker.declare(EventQueues.expenseUsers)
            var users: [UUIDv7] = []
            for foreign in ForeignMessage.allCases {
                #expect(await broker.publish([try foreign.message(registered(.make()))]) == [.confirmed])
            }
            for version in ProducerVersion.allCases {
                users.append(.make())
                #expect(await broker.publish([try version.message(registered(users[users.count - 1]))]) == [.confirmed])
            }
            let consumer = EventConsumer(
                subscriber: broker, subscription: EventQueues.expenseUsers, pool: service.pool,
                handler: UserLifecycleHandler(categories: service.categories))
            let consuming = Task { await consumer.run() }
            try await service.loop.wait("all is settled") {
                broker.depth(of: EventQueues.expenseUsers.queue) + broker.unsettled(of: EventQueues.expenseUsers.queue)
                    == 0
            }
            consuming.cancel()
            await consuming.value

            let rows = try await service.pool.query(
                "SELECT owner_id, string_agg(name, ',' ORDER BY name) FROM categories GROUP BY owner_id")
            let made = try rows.reduce(into: [UUIDv7: String]()) { made, row in
                made[try row.decode(UUIDv7.self, at: 0)] = try row.decode(String.self, at: 1)
            }
            #expect(Set(made.keys) == Set(users))
            #expect(Set(made.values).count == 1)
            let letters = try await DeadLetterStore(pool: service.pool).list()
            #expect(letters.map(\.reason.rawValue).sorted() == ForeignMessage.allCases.map(\.reason.rawValue).sorted())
        }
    }
}

extension EventLoop {
    /// Waits for a condition; generous: the machine may be slow and busy.
    fileprivate func wait(_ what: Comment, _ condition: () async throws -> Bool) async throws {
        let deadline = now + .seconds(90)
        while try await !condition() {
            try #require(now < deadline, what)
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
