package import Chronology
package import CloudEvents
package import Messaging
package import Postgres
import FaultPoints
import PortfolioApplication
import PortfolioDomain
import ServiceRuntime
import struct Contracts.PortfolioUpdatedV1
import struct Contracts.UserRegisteredV1

/// Gives each new user a portfolio in their base currency.
package struct UserLifecycleHandler: EventHandler {
    package let types = [TopicPattern(UserRegisteredV1.type)]
    private let outbox: Outbox
    private let clock: any WallClock

    package init(outbox: Outbox, clock: any WallClock) {
        self.outbox = outbox
        self.clock = clock
    }

    package func handle(_ event: CloudEvent, in transaction: PostgresTransaction) async throws {
        let payload = try event.payload(UserRegisteredV1.self)
        guard let user = try? UUIDv7(parsing: payload.userID) else {
            throw HandlerFailure(.unprocessable, "the event names no user")
        }
        if try await ErasedUsers.contains(user, lock: PortfolioErasure.lock(user, shared: true), in: transaction) {
            return
        }
        let portfolio = try Portfolio.create(
            ownerID: user, name: "My portfolio", baseCurrency: payload.baseCurrency, costMethod: nil, at: clock.now())
        _ = try await transaction.batch(PortfolioRepository.inserting(portfolio, outbox))
        FaultPoint.reached("consumer.after-effect-before-commit")
        outbox.poke()
    }
}

/// Calculates a portfolio's performance anew whenever its figures changed, and tells it.
package struct PerformanceHandler: EventHandler {
    package let types = [TopicPattern(PortfolioUpdatedV1.type)]
    private let outbox: Outbox
    private let clock: any WallClock

    package init(outbox: Outbox, clock: any WallClock) {
        self.outbox = outbox
        self.clock = clock
    }

    package func handle(_ event: CloudEvent, in transaction: PostgresTransaction) async throws {
        let payload = try event.payload(PortfolioUpdatedV1.self)
        guard let id = try? UUIDv7(parsing: payload.portfolioID) else {
            throw HandlerFailure(.unprocessable, "the event names no portfolio")
        }
        let now = clock.now()
        let today = CalendarDate(utc: now)
        let results = try await transaction.batch(
            ["SELECT \(fragment: Portfolio.columns), event_sequence FROM portfolios WHERE id = \(id) FOR UPDATE"]
                + PortfolioRepository.readingPositions(of: id, pricesOn: [today]))
        // Deleted meanwhile: there is nothing to calculate any more.
        guard let row = results[0].first else { return }
        let portfolio = try Portfolio(row)
        let sequence = try row.decode(Int64.self, at: 8) + 1
        let performance = try Figures.performance(
            of: PortfolioRepository.positions(Array(results[1...])), portfolio: portfolio, from: nil, to: today)
        let told = try PortfolioEvents.performanceCalculated(performance, of: portfolio, sequence: sequence, at: now)
        _ = try await transaction.batch([
            "UPDATE portfolios SET event_sequence = \(sequence) WHERE id = \(id)", outbox.insert([told]),
        ])
        FaultPoint.reached("consumer.after-effect-before-commit")
        outbox.poke()
    }
}
