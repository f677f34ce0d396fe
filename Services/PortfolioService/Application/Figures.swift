package import Chronology
package import PortfolioDomain
import Validation

/// The holdings of a portfolio on a day.
package struct HoldingsOnDay: Sendable {
    package let on: CalendarDate
    package let portfolio: Portfolio
    package let holdings: [Holding]
}

/// Computes what the caller's portfolios hold and what they gained.
package struct Figures: Sendable {
    private let store: any PortfolioStore
    private let clock: any WallClock

    package init(store: any PortfolioStore, clock: any WallClock) {
        self.store = store
        self.clock = clock
    }

    /// The holdings at the end of a day, today by default.
    ///
    /// - Returns: nil where the caller has no such portfolio.
    /// - Throws: `ValidationFailure` where `on` is no date, else the store's error.
    package func holdings(caller: UUIDv7, portfolio: String, on: String?) async throws -> HoldingsOnDay? {
        var validator = Validator()
        let asked: CalendarDate? = validator.date("on", on)
        try validator.check()
        let day = asked ?? clock.today()
        guard let id = try? UUIDv7(parsing: portfolio),
            let (portfolio, positions) = try await store.positions(of: id, owner: caller, pricesOn: [day])
        else { return nil }
        let held = try PortfolioDomain.holdings(of: positions, portfolio: portfolio, on: day)
        return HoldingsOnDay(on: day, portfolio: portfolio, holdings: held)
    }

    /// The performance over a range, by default from the first transaction until today.
    ///
    /// - Returns: nil where the caller has no such portfolio.
    /// - Throws: `ValidationFailure` where `from` or `to` break a rule, else the store's error.
    package func performance(
        caller: UUIDv7, portfolio: String, from: String?, to: String?
    ) async throws -> Performance? {
        var validator = Validator()
        let first: CalendarDate? = validator.date("from", from)
        let last: CalendarDate = validator.date("to", to) ?? clock.today()
        if let first, last < first { validator.fail("to", "out_of_range", "must not lie before from") }
        try validator.check()
        guard let id = try? UUIDv7(parsing: portfolio) else { return nil }
        let days = [last] + (first.map { [$0.adding(days: -1)] } ?? [])
        guard let (portfolio, positions) = try await store.positions(of: id, owner: caller, pricesOn: days) else {
            return nil
        }
        return try Self.performance(of: positions, portfolio: portfolio, from: first, to: last)
    }

    /// The performance until `to`, from the first transaction where no day is given.
    package static func performance(
        of positions: [Position], portfolio: Portfolio, from: CalendarDate?, to: CalendarDate
    ) throws(LotBookError) -> Performance {
        let start = from ?? positions.compactMap(\.transactions.first?.on).min() ?? to
        return try PortfolioDomain.performance(of: positions, portfolio: portfolio, from: min(start, to), to: to)
    }
}
