package import Chronology
package import PortfolioDomain
import Postgres

extension PortfolioRepository {
    package func positions(
        of portfolio: UUIDv7, owner: UUIDv7, pricesOn days: [CalendarDate]
    ) async throws -> (portfolio: Portfolio, positions: [Position])? {
        let results = try await pool.batch(
            ["SELECT \(fragment: Portfolio.columns) FROM portfolios WHERE id = \(portfolio) AND owner_id = \(owner)"]
                + Self.readingPositions(of: portfolio, pricesOn: days))
        guard let row = results[0].first else { return nil }
        return (try Portfolio(row), try Self.positions(Array(results[1...])))
    }

    /// Three statements: the instruments of a portfolio, its transactions, and the prices that count on the given days.
    ///
    /// A price that counts is found by index for each instrument and day, however long its history is.
    static func readingPositions(of portfolio: UUIDv7, pricesOn days: [CalendarDate]) -> [PostgresQuery] {
        let traded: PostgresQuery = "SELECT DISTINCT instrument_id FROM transactions WHERE portfolio_id = \(portfolio)"
        return [
            "SELECT \(fragment: Instrument.columns) FROM instruments WHERE id IN (\(fragment: traded)) ORDER BY id",
            "SELECT \(fragment: Transaction.columns) FROM transactions WHERE portfolio_id = \(portfolio)",
            """
            SELECT t.instrument_id, p.on_day, p.price, p.source
            FROM (\(fragment: traded)) t CROSS JOIN unnest(\(days)) AS d (day)
            CROSS JOIN LATERAL (SELECT on_day, price, source FROM prices
                WHERE instrument_id = t.instrument_id AND on_day <= d.day
                ORDER BY on_day DESC, strength DESC LIMIT 1) p
            """,
        ]
    }

    /// The positions from the results of `readingPositions`.
    static func positions(_ results: [PostgresRows]) throws -> [Position] {
        var transactions: [UUIDv7: [Transaction]] = [:]
        for row in results[1] {
            let transaction = try Transaction(row)
            transactions[transaction.instrumentID, default: []].append(transaction)
        }
        var prices: [UUIDv7: [Price]] = [:]
        for row in results[2] {
            prices[try row.decode(UUIDv7.self, at: 0), default: []].append(try Price(row, at: 1))
        }
        return try results[0].map { row in
            let instrument = try Instrument(row)
            return Position(
                instrument: instrument, transactions: transactions[instrument.id] ?? [],
                prices: PriceHistory(prices[instrument.id] ?? []))
        }
    }
}
