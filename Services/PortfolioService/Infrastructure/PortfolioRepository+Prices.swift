package import Chronology
package import Idempotency
package import Money
package import PortfolioApplication
package import PortfolioDomain
package import Validation
import FaultPoints
import Messaging
import Postgres

extension PortfolioRepository {
    package func prices(of instrument: UUIDv7, _ page: PageRequest) async throws -> Page<Price> {
        var query: PostgresQuery = "SELECT \(fragment: Price.columns) FROM prices WHERE instrument_id = \(instrument)"
        if let after = page.after {
            let day = try CalendarDate(parsing: after.keys[0])
            query.append(" AND (on_day, strength) < (\(day), \(Int16(after.keys[1]) ?? 0))")
        }
        query.append(" ORDER BY on_day DESC, strength DESC LIMIT \(page.limit + 1)")
        return try await Page(pool.query(query).map { try Price($0) }, limit: page.limit) { price in
            PageCursor([price.on.description, String(price.source.strength)])
        }
    }

    package func record(
        _ price: Price, of instrument: UUIDv7, owner: UUIDv7, at now: Timestamp, receipt: IdempotencyReceipt?
    ) async throws {
        try await recording(of: owner, at: now, receipt: { _ in receipt }) { instruments in
            guard instruments.contains(where: { $0.id == instrument }) else {
                throw PortfolioStoreRefusal.unknownInstrument
            }
            return [(instrument, price)]
        }
    }

    package func instrumentNames(of owner: UUIDv7, in currency: Currency) async throws -> InstrumentNames {
        let rows = try await pool.query(
            "SELECT amfi_code, isin FROM instruments WHERE owner_id = \(owner) AND currency = \(currency.code)"
        ).map { try $0.decode(String?.self, String?.self) }
        return InstrumentNames(amfiCodes: Set(rows.compactMap(\.0)), isins: Set(rows.compactMap(\.1)))
    }

    package func record(
        _ rows: [PriceRow], currency: Currency, owner: UUIDv7, at now: Timestamp,
        receipt: @Sendable (PriceImportCounts) throws -> IdempotencyReceipt?
    ) async throws -> PriceImportCounts {
        try await recording(of: owner, at: now, receipt: receipt) { instruments in
            let eligible = instruments.filter { $0.currency == currency.code }
            let byCode = Dictionary(eligible.compactMap { i in i.amfiCode.map { ($0, i.id) } }) { first, _ in first }
            let byISIN = Dictionary(eligible.compactMap { i in i.isin.map { ($0, i.id) } }) { first, _ in first }
            return rows.compactMap { row in
                let found = byCode[row.amfiCode] ?? row.isins.lazy.compactMap { byISIN[$0] }.first
                return found.map { ($0, row.price) }
            }
        }
    }

    /// What a price may be matched with.
    private struct Candidate {
        let id: UUIDv7
        let currency: String
        let isin: String?
        let amfiCode: String?
        let sequence: Int64
    }

    /// Records the prices that `choose` finds for the user's instruments, and tells of those that changed.
    ///
    /// The instruments are locked, in the order of their ids, so that their events are numbered without gaps.
    @discardableResult
    private func recording(
        of owner: UUIDv7, at now: Timestamp, receipt: @Sendable (PriceImportCounts) throws -> IdempotencyReceipt?,
        _ choose: @Sendable ([Candidate]) throws -> [(instrument: UUIDv7, price: Price)]
    ) async throws -> PriceImportCounts {
        let counts = try await pool.retryingConflicts {
            try await pool.withTransaction { connection in
                let candidates = try await connection.query(
                    """
                    SELECT id, currency, isin, amfi_code, event_sequence FROM instruments WHERE owner_id = \(owner)
                    ORDER BY id FOR NO KEY UPDATE
                    """
                ).map { row in
                    let (id, currency, isin, code, sequence) = try row.decode(
                        UUIDv7.self, String.self, String?.self, String?.self, Int64.self)
                    return Candidate(id: id, currency: currency, isin: isin, amfiCode: code, sequence: sequence)
                }
                let chosen = Self.unique(try choose(candidates))
                let written = try await connection.query(Self.upserting(chosen)).map { row in
                    let (instrument, day) = try row.decode(UUIDv7.self, CalendarDate.self)
                    return Place(instrument: instrument, day: day)
                }
                let changed = chosen.filter { written.contains(Place(instrument: $0.instrument, day: $0.price.on)) }
                let counts = PriceImportCounts(matched: chosen.count, created: changed.count)
                FaultPoint.reached("service.before-commit")
                let events = try await events(of: changed, candidates, owner: owner, at: now, in: connection)
                try await connection.commit(with: Self.receipts(receipt(counts)) + events)
                return counts
            }
        }
        FaultPoint.reached("service.after-commit-before-answer")
        if counts.created > 0 { outbox.poke() }
        return counts
    }

    private struct Place: Hashable {
        let instrument: UUIDv7
        let day: CalendarDate
    }

    /// The last price of a place, where a file has several: one statement must not write a row twice.
    private static func unique(
        _ prices: [(instrument: UUIDv7, price: Price)]
    ) -> [(instrument: UUIDv7, price: Price)] {
        var last: [Place: Int] = [:]
        for (index, entry) in prices.enumerated() {
            last[Place(instrument: entry.instrument, day: entry.price.on)] = index
        }
        return last.values.sorted().map { prices[$0] }
    }

    /// The statements that emit one event for each changed instrument (of its latest price) and each portfolio that traded one of them.
    private func events(
        of changed: [(instrument: UUIDv7, price: Price)], _ candidates: [Candidate], owner: UUIDv7, at now: Timestamp,
        in connection: PostgresTransaction
    ) async throws -> [PostgresQuery] {
        guard let first = changed.map(\.price.on).min() else { return [] }
        let latest = Dictionary(changed.map { ($0.instrument, $0.price) }) { $0.on < $1.on ? $1 : $0 }
        let portfolios = try await connection.query(
            """
            SELECT id, event_sequence FROM portfolios WHERE id IN
                (SELECT portfolio_id FROM transactions WHERE instrument_id = ANY(\(Array(latest.keys))))
            ORDER BY id FOR UPDATE
            """
        ).map { try $0.decode(UUIDv7.self, Int64.self) }
        var events: [OutboxEvent] = []
        for candidate in candidates {
            guard let price = latest[candidate.id] else { continue }
            events.append(
                try PortfolioEvents.priceUpdated(
                    price, of: candidate.id, currency: candidate.currency, owner: owner,
                    sequence: candidate.sequence + 1, at: now))
        }
        for (id, sequence) in portfolios {
            events.append(
                try PortfolioEvents.updated(id, owner: owner, .price, from: first, sequence: sequence + 1, at: now))
        }
        return [
            "UPDATE instruments SET event_sequence = event_sequence + 1 WHERE id = ANY(\(Array(latest.keys)))",
            "UPDATE portfolios SET event_sequence = event_sequence + 1 WHERE id = ANY(\(portfolios.map(\.0)))",
            outbox.insert(events),
        ]
    }
}
