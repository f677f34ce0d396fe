package import Chronology
package import Idempotency
package import Messaging
import PortfolioApplication
package import PortfolioDomain
package import Postgres
package import Validation
import FaultPoints
import Money
import ServiceRuntime

/// The portfolio context in PostgreSQL.
///
/// Whoever changes a portfolio's figures locks its row first, so that a sale is checked against everything that is recorded,
/// and events of a portfolio are numbered without gaps. Instruments are locked before portfolios where both are needed.
package struct PortfolioRepository: PortfolioStore {
    let pool: PostgresPool
    let outbox: Outbox

    package init(pool: PostgresPool, outbox: Outbox) {
        self.pool = pool
        self.outbox = outbox
    }

    // MARK: Portfolios

    package func insert(_ portfolio: Portfolio, receipt: IdempotencyReceipt?) async throws {
        _ = try await pool.batch(Self.receipts(receipt) + Self.inserting(portfolio, outbox))
        FaultPoint.reached("service.after-commit-before-answer")
        outbox.poke()
    }

    /// The statements that insert a portfolio and tell of it.
    static func inserting(_ portfolio: Portfolio, _ outbox: Outbox) throws -> [PostgresQuery] {
        let event = try PortfolioEvents.updated(
            portfolio.id, owner: portfolio.ownerID, .created, from: CalendarDate(utc: portfolio.createdAt), sequence: 1,
            at: portfolio.createdAt)
        return [
            """
            INSERT INTO portfolios
                (id, owner_id, name, base_currency, cost_method, event_sequence, version, created_at, updated_at)
            VALUES (\(portfolio.id), \(portfolio.ownerID), \(portfolio.name), \(portfolio.baseCurrency.code),
                \(portfolio.costMethod.rawValue), 1, \(portfolio.version), \(portfolio.createdAt),
                \(portfolio.updatedAt))
            """, outbox.insert([event]),
        ]
    }

    package func portfolios(of owner: UUIDv7, _ page: PageRequest) async throws -> Page<Portfolio> {
        let rows = try await pool.query(
            Self.byIdentifier("SELECT \(fragment: Portfolio.columns) FROM portfolios", of: owner, page))
        return try Page(rows.map(Portfolio.init(_:)), limit: page.limit) { PageCursor([$0.id.description]) }
    }

    package func portfolio(_ id: UUIDv7, of owner: UUIDv7) async throws -> Portfolio? {
        try await pool.query(
            "SELECT \(fragment: Portfolio.columns) FROM portfolios WHERE id = \(id) AND owner_id = \(owner)"
        ).first.map(Portfolio.init(_:))
    }

    // MARK: Instruments

    package func insert(_ instrument: Instrument, receipt: IdempotencyReceipt?) async throws {
        do {
            _ = try await pool.batch(
                Self.receipts(receipt) + [
                    """
                    INSERT INTO instruments
                        (id, owner_id, type, name, currency, isin, ticker, amfi_code, version, created_at, updated_at)
                    VALUES (\(instrument.id), \(instrument.ownerID), \(instrument.type.rawValue), \(instrument.name),
                        \(instrument.currency.code), \(instrument.isin), \(instrument.ticker), \(instrument.amfiCode),
                        \(instrument.version), \(instrument.createdAt), \(instrument.updatedAt))
                    """
                ])
        } catch {
            let isKnown = ["instruments_isin", "instruments_amfi_code"].contains { error.isUniqueViolation(of: $0) }
            throw isKnown ? PortfolioStoreRefusal.instrumentExists : error
        }
    }

    package func instruments(of owner: UUIDv7, _ page: PageRequest) async throws -> Page<Instrument> {
        let rows = try await pool.query(
            Self.byIdentifier("SELECT \(fragment: Instrument.columns) FROM instruments", of: owner, page))
        return try Page(rows.map(Instrument.init(_:)), limit: page.limit) { PageCursor([$0.id.description]) }
    }

    package func instrument(_ id: UUIDv7, of owner: UUIDv7) async throws -> Instrument? {
        try await pool.query(
            "SELECT \(fragment: Instrument.columns) FROM instruments WHERE id = \(id) AND owner_id = \(owner)"
        ).first.map(Instrument.init(_:))
    }

    // MARK: Transactions

    package func insert(
        in portfolio: UUIDv7, of instrument: UUIDv7, owner: UUIDv7, make: @Sendable (Instrument) throws -> Transaction,
        receipt: @Sendable (Transaction) throws -> IdempotencyReceipt?
    ) async throws -> Transaction {
        let recorded = try await pool.withTransaction { connection in
            let results = try await connection.batch([
                """
                SELECT \(fragment: Portfolio.columns), event_sequence FROM portfolios
                WHERE id = \(portfolio) AND owner_id = \(owner) FOR UPDATE
                """,
                "SELECT \(fragment: Instrument.columns) FROM instruments WHERE id = \(instrument) AND owner_id = \(owner)",
                """
                SELECT \(fragment: Transaction.columns) FROM transactions
                WHERE portfolio_id = \(portfolio) AND instrument_id = \(instrument)
                """,
            ])
            guard let row = results[0].first else { throw PortfolioStoreRefusal.unknownPortfolio }
            guard let found = try results[1].first.map(Instrument.init(_:)) else {
                throw PortfolioStoreRefusal.unknownInstrument
            }
            let transaction = try make(found)
            let history = try results[2].map(Transaction.init(_:)) + [transaction]
            _ = try LotBook(
                currency: found.currency, method: Portfolio(row).costMethod,
                transactions: history.sorted(by: Transaction.precedes))
            let sequence = try row.decode(Int64.self, at: 8) + 1
            FaultPoint.reached("service.before-commit")
            _ = try await connection.commit(
                with: Self.receipts(receipt(transaction)) + inserting(transaction, owner: owner, sequence: sequence))
            return transaction
        }
        FaultPoint.reached("service.after-commit-before-answer")
        outbox.poke()
        return recorded
    }

    private func inserting(_ transaction: Transaction, owner: UUIDv7, sequence: Int64) throws -> [PostgresQuery] {
        let price = Price(on: transaction.on, price: transaction.price, source: .trade)
        let events = [
            try PortfolioEvents.investmentAdded(transaction, owner: owner),
            try PortfolioEvents.updated(
                transaction.portfolioID, owner: owner, .transaction, from: transaction.on, sequence: sequence,
                at: transaction.createdAt),
        ]
        return [
            """
            INSERT INTO transactions (id, portfolio_id, instrument_id, type, on_day, quantity, price, amount, currency,
                fee, tax, note, external_id, version, created_at, updated_at)
            VALUES (\(transaction.id), \(transaction.portfolioID), \(transaction.instrumentID),
                \(transaction.type.rawValue), \(transaction.on), \(transaction.quantity), \(transaction.price),
                \(transaction.amount.amount), \(transaction.amount.currency.code), \(transaction.fee?.amount),
                \(transaction.tax?.amount), \(transaction.note), \(transaction.externalID), \(transaction.version),
                \(transaction.createdAt), \(transaction.updatedAt))
            """, Self.upserting([(transaction.instrumentID, price)]),
            "UPDATE portfolios SET event_sequence = \(sequence) WHERE id = \(transaction.portfolioID)",
            outbox.insert(events),
        ]
    }

    package func transactions(of portfolio: UUIDv7, _ page: PageRequest) async throws -> Page<Transaction> {
        var query: PostgresQuery = """
            SELECT \(fragment: Transaction.columns) FROM transactions WHERE portfolio_id = \(portfolio)
            """
        if let after = page.after {
            let day = try CalendarDate(parsing: after.keys[0])
            query.append(" AND (on_day, id) < (\(day), \(try UUIDv7(parsing: after.keys[1])))")
        }
        query.append(" ORDER BY on_day DESC, id DESC LIMIT \(page.limit + 1)")
        return try await Page(pool.query(query).map(Transaction.init(_:)), limit: page.limit) { transaction in
            PageCursor([transaction.on.description, transaction.id.description])
        }
    }

    // MARK: Statements

    static func receipts(_ receipt: IdempotencyReceipt?) -> [PostgresQuery] {
        receipt.map { [IdempotencyRecords.insert($0)] } ?? []
    }

    private static func byIdentifier(_ select: PostgresQuery, of owner: UUIDv7, _ page: PageRequest) throws
        -> PostgresQuery
    {
        var query = select
        query.append(" WHERE owner_id = \(owner)")
        if let after = page.after { query.append(" AND id > \(try UUIDv7(parsing: after.keys[0]))") }
        query.append(" ORDER BY id LIMIT \(page.limit + 1)")
        return query
    }

    /// Writes prices that are not there or differ; returns those, as instrument and day.
    static func upserting(_ prices: [(instrument: UUIDv7, price: Price)]) -> PostgresQuery {
        """
        INSERT INTO prices AS known (instrument_id, on_day, strength, source, price)
        SELECT * FROM unnest(\(prices.map(\.instrument)), \(prices.map(\.price.on)),
            \(prices.map { Int16($0.price.source.strength) }), \(prices.map(\.price.source.rawValue)),
            \(prices.map(\.price.price)))
        ON CONFLICT (instrument_id, on_day, strength) DO UPDATE SET price = excluded.price
        WHERE known.price <> excluded.price
        RETURNING instrument_id, on_day
        """
    }
}
