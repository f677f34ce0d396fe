import Chronology
import CloudEvents
import Contracts
import GRPC
import Messaging
import PortfolioInfrastructure
import Postgres
import ServiceRuntime
import Testing

/// What becomes of a user's portfolios when the account is gone.
@Suite(.timeLimit(.minutes(5))) struct ErasureTests {
    private func erase(_ service: PortfolioFixture, _ user: UUIDv7) async throws {
        let event = try OutboxEvent(
            UserDeletedV1(userID: user.description, erasureID: "e1", deletedAt: "2026-11-20T09:30:00.123Z"),
            service: "auth", subject: user, user: user, sequence: 9, time: service.clock.now()
        ).event
        let handler = ErasureHandler(PortfolioErasure.service, outbox: service.outbox, clock: service.clock)
        try await service.pool.withTransaction { try await handler.handle(event, in: $0) }
    }

    @Test func nothingOfTheUserStays() async throws {
        try await PortfolioFixture.run { service in
            let portfolio = try await service.portfolio()
            let instrument = try await service.instrument()
            try await service.trade("buy 2025-08-18 100 @ 90.0000", of: instrument, in: portfolio, key: "k")
            let updated = try OutboxEvent(
                PortfolioUpdatedV1(
                    userID: service.user.description, portfolioID: portfolio.id, reason: "transaction",
                    from: "2025-08-18", updatedAt: "2026-11-20T09:30:00.123Z"),
                service: "portfolio", subject: UUIDv7(parsing: portfolio.id), user: service.user, sequence: 2,
                time: service.clock.now()
            ).event
            try await erase(service, service.user)
            #expect(
                try await service.pool.tables(mentioning: [service.user.description, "ada@example.org"]) == [
                    "erased_users", "outbox",
                ])
            #expect(
                try await service.pool.query(
                    """
                    SELECT (SELECT count(*) FROM portfolios), (SELECT count(*) FROM instruments),
                        (SELECT count(*) FROM prices) + (SELECT count(*) FROM transactions)
                    """
                ).first(as: Int.self, Int.self, Int.self) == (0, 0, 0))
            // What waited in another queue finds nothing to calculate.
            let handler = PerformanceHandler(outbox: service.outbox, clock: service.clock)
            try await service.pool.withTransaction { try await handler.handle(updated, in: $0) }
            #expect(try await service.events(of: service.user.description) == ["portfolio_data_erased"])
        }
    }

    @Test func whatComesLateBringsNothingBack() async throws {
        try await PortfolioFixture.run { service in
            let portfolio = try await service.portfolio()
            let instrument = try await service.instrument()
            try await erase(service, service.user)
            #expect(await refusal { _ = try await service.portfolio() } == "unauthenticated")
            #expect(await refusal { _ = try await service.instrument() } == "unauthenticated")
            #expect(
                await refusal {
                    try await service.trade("buy 2025-08-18 100 @ 90.0000", of: instrument, in: portfolio)
                } == "not_found")
            let registered = try OutboxEvent(
                UserRegisteredV1(
                    userID: service.user.description, email: "ada@example.org", displayName: "Ada",
                    baseCurrency: "EUR", locale: "en", registeredAt: "2026-11-20T09:30:00.123Z"),
                service: "auth", subject: service.user, user: service.user, sequence: 1, time: service.clock.now()
            ).event
            let handler = UserLifecycleHandler(outbox: service.outbox, clock: service.clock)
            try await service.pool.withTransaction { try await handler.handle(registered, in: $0) }
            #expect(
                try await service.pool.tables(mentioning: [service.user.description, "ada@example.org"]) == [
                    "erased_users", "outbox",
                ])
        }
    }

    /// Whichever of writing and erasing comes first, nothing is left.
    @Test func noWriteBesideTheErasureIsLeft() async throws {
        try await PortfolioFixture.run { service in
            let portfolio = try await service.portfolio()
            let instrument = try await service.instrument()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<24 {
                    group.addTask {
                        let code = await refusal {
                            if number % 2 == 0 {
                                _ = try await service.portfolio()
                            } else {
                                try await service.trade("buy 2025-08-18 1 @ 9.0000", of: instrument, in: portfolio)
                            }
                        }
                        #expect([nil, "unauthenticated", "not_found"].contains(code))
                    }
                    if number == 8 { group.addTask { try await erase(service, service.user) } }
                }
                try await group.waitForAll()
            }
            #expect(
                try await service.pool.tables(mentioning: [service.user.description, "ada@example.org"]) == [
                    "erased_users", "outbox",
                ])
        }
    }
}
