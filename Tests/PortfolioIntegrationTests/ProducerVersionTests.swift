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
            let reasons = try await ProducerVersion.consume(
                users.map(registered), beside: ForeignMessage.allCases.map { _ in try registered(.make()) },
                from: EventQueues.portfolioUsers,
                by: UserLifecycleHandler(outbox: service.outbox, clock: service.clock), in: service.pool)
            #expect(reasons == ForeignMessage.reasons)
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
            let reasons = try await ProducerVersion.consume(
                portfolios.map(updated), beside: ForeignMessage.allCases.map { _ in try updated(.make()) },
                from: EventQueues.portfolioPerformance,
                by: PerformanceHandler(outbox: service.outbox, clock: service.clock), in: service.pool)
            #expect(reasons == ForeignMessage.reasons)
            for (version, portfolio) in zip(ProducerVersion.allCases, portfolios) {
                let told = try await service.events(of: portfolio.description)
                #expect(told.filter { $0 == "performance_calculated" }.count == 1, "\(version)")
            }
        }
    }

    @Test func everyVersionOfADeletionIsAnErasure() async throws {
        try await PortfolioFixture.run { service in
            func deleted(_ user: UUIDv7) throws -> CloudEvent {
                try OutboxEvent(
                    UserDeletedV1(userID: user.description, erasureID: "e", deletedAt: "2026-11-20T09:30:00.123Z"),
                    service: "auth", subject: user, user: user, sequence: 9, time: service.clock.now()
                ).event
            }
            let users = ProducerVersion.allCases.map { _ in UUIDv7.make() }
            let reasons = try await ProducerVersion.consume(
                users.map(deleted), beside: ForeignMessage.allCases.map { _ in try deleted(.make()) },
                from: EventQueues.portfolioErasures,
                by: ErasureHandler(PortfolioErasure.service, outbox: service.outbox, clock: service.clock),
                in: service.pool)
            #expect(reasons == ForeignMessage.reasons)
            let erased = try await service.pool.query("SELECT user_id FROM erased_users").map {
                try $0.decode(UUIDv7.self, at: 0)
            }
            #expect(erased.sorted() == users.sorted())
        }
    }
}
