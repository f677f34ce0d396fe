import Chronology
import CloudEvents
import Contracts
import Messaging
import MessagingTesting
import PortfolioInfrastructure
import Postgres
import ServiceRuntime
import Testing

/// Events of producers one version ahead or behind, and what is none, at the consumers of this service.
@Suite(.timeLimit(.minutes(5))) struct ProducerVersionTests {
    /// Has all messages handled.
    private func consume(
        _ messages: [OutboundEvent], _ subscription: Subscription, _ handler: any EventHandler,
        _ service: PortfolioFixture
    ) async throws {
        let broker = InMemoryBroker()
        broker.declare(subscription)
        #expect(await broker.publish(messages) == messages.map { _ in .confirmed })
        let consumer = EventConsumer(
            subscriber: broker, subscription: subscription, pool: service.pool, handler: handler)
        let consuming = Task { await consumer.run() }
        let deadline = ContinuousClock.now + .seconds(90)
        while broker.depth(of: subscription.queue) + broker.unsettled(of: subscription.queue) > 0 {
            try #require(ContinuousClock.now < deadline, "all is settled")
            try await Task.sleep(for: .milliseconds(20))
        }
        consuming.cancel()
        await consuming.value
        let letters = try await DeadLetterStore(pool: service.pool).list(.init(consumer: subscription.queue))
        #expect(letters.map(\.reason.rawValue).sorted() == ForeignMessage.allCases.map(\.reason.rawValue).sorted())
    }

    @Test func everyVersionOfARegistrationGivesAPortfolio() async throws {
        try await PortfolioFixture.run { service in
            func registered(_ user: UUIDv7) throws -> CloudEvent {
                let time = service.clock.now()
                return try OutboxEvent(
                    UserRegisteredV1(
                        userID: user.description, email: "ada@example.org", displayName: "Ada", baseCurrency: "EUR",
                        locale: "en", registeredAt: time.description), service: "auth", subject: user, user: user,
                    sequence: 1, time: time
                ).event
            }
            let users = ProducerVersion.allCases.map { _ in UUIDv7.make() }
            let messages =
                try ForeignMessage.allCases.map { try $0.message(registered(.make())) }
                + zip(ProducerVersion.allCases, users).map { try $0.message(registered($1)) }
            try await consume(
                messages, EventQueues.portfolioUsers,
                UserLifecycleHandler(outbox: service.outbox, clock: service.clock), service)
            let owners = try await service.pool.query("SELECT owner_id, base_currency FROM portfolios").map {
                #expect(try $0.decode(String.self, at: 1) == "EUR")
                return try $0.decode(UUIDv7.self, at: 0)
            }
            #expect(owners.sorted() == users.sorted())
        }
    }

    @Test func everyVersionOfAnUpdateGivesACalculation() async throws {
        try await PortfolioFixture.run { service in
            func updated(_ portfolio: UUIDv7) throws -> CloudEvent {
                let time = service.clock.now()
                return try OutboxEvent(
                    PortfolioUpdatedV1(
                        userID: service.user.description, portfolioID: portfolio.description,
                        reason: "transaction", from: "2026-11-01", updatedAt: time.description),
                    service: "portfolio", subject: portfolio, user: service.user, sequence: 2, time: time
                ).event
            }
            var portfolios: [UUIDv7] = []
            for _ in ProducerVersion.allCases {
                portfolios.append(try UUIDv7(parsing: try await service.portfolio().id))
            }
            let messages =
                try ForeignMessage.allCases.map { try $0.message(updated(.make())) }
                + zip(ProducerVersion.allCases, portfolios).map { try $0.message(updated($1)) }
            try await consume(
                messages, EventQueues.portfolioPerformance,
                PerformanceHandler(outbox: service.outbox, clock: service.clock), service)
            for (version, portfolio) in zip(ProducerVersion.allCases, portfolios) {
                let told = try await service.events(of: portfolio.description)
                #expect(told.filter { $0 == "performance_calculated" }.count == 1, "\(version)")
            }
        }
    }
}
