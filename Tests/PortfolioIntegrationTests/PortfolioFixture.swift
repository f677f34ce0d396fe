import Chronology
import Contracts
import EventLoop
import GRPC
import Messaging
import Observability
import PortfolioAPI
import PortfolioApplication
import PortfolioInfrastructure
import Postgres
import ServersTesting
import ServiceRuntime
import Testing

/// The portfolio service on a database of its own, called over gRPC as the gateway calls it.
struct PortfolioFixture {
    let pool: PostgresPool
    let outbox: Outbox
    let client: PortfolioServiceClient
    let user = UUIDv7.make()
    let clock = SystemClock()

    /// Starts everything, runs `body`, ends everything, also on failure.
    static func run(_ body: (PortfolioFixture) async throws -> Void) async throws {
        let databases = try await TestPostgres.shared().makeServiceDatabases()
        let loop = try EventLoop(name: "portfolio-test")
        loop.start()
        var configuration = try PostgresPool.Configuration(url: try #require(databases["portfolio"]))
        configuration.callTimeout = .seconds(30)
        configuration.transactionTimeout = .seconds(60)
        configuration.unavailableTimeout = .seconds(20)
        let pool = try PostgresPool(loop: loop, configuration: configuration)
        await pool.start()
        let files = OffloadPool(name: "files", threads: 1, queueLimit: 16)
        let outbox = Outbox()
        let store = PortfolioRepository(pool: pool, outbox: outbox)
        let clock = SystemClock()
        let api = PortfolioAPI(
            portfolios: Portfolios(store: store, clock: clock), instruments: Instruments(store: store, clock: clock),
            prices: Prices(store: store, clock: clock, offload: { try await files.run($0) }),
            transactions: Transactions(store: store, clock: clock), figures: Figures(store: store, clock: clock),
            idempotent: IdempotentCalls(pool: pool), logger: .silent)
        var server = GRPCServer.Configuration(address: .loopback(port: 0))
        server.maximumMessageBytes = 65 << 20
        let served = GRPCServer(
            loop: loop, configuration: server, services: [PortfolioServiceHandlers(api)], logger: .silent)
        let channel = GRPCChannel(loop: loop, targets: [try await served.start()])
        var failure: (any Error)?
        do {
            try await Migrations(PortfolioSchema.migrations).run(on: pool)
            try await body(
                PortfolioFixture(pool: pool, outbox: outbox, client: PortfolioServiceClient(channel: channel)))
        } catch {
            failure = error
        }
        await channel.shutdown()
        await served.shutdown(grace: .seconds(5))
        await pool.shutdown()
        files.shutdown()
        await loop.shutdown()
        if let failure { throw failure }
    }

    func metadata(_ caller: UUIDv7? = nil, key: String? = nil) -> GRPCMetadata {
        var metadata = Caller(userID: caller ?? user).metadata
        if let key {
            metadata.append(IdempotentCalls.keyMetadata, key)
            metadata.append(IdempotentCalls.fingerprintMetadata, "f")
        }
        return metadata
    }

    func portfolio(currency: String = "INR", method: String? = nil) async throws -> Portfolio {
        try await client.createPortfolio(
            CreatePortfolioRequest(name: "Long term", baseCurrency: currency, costMethod: method), metadata: metadata(),
            timeout: .seconds(30)
        ).message
    }

    func instrument(amfiCode: String? = "900001", isin: String? = "INF999A01014") async throws -> Instrument {
        try await client.createInstrument(
            CreateInstrumentRequest(
                type: "mutual_fund", name: "Fund", currency: "INR", isin: isin, amfiCode: amfiCode),
            metadata: metadata(), timeout: .seconds(30)
        ).message
    }

    /// `buy 2025-08-18 100 @ 90.0000`.
    @discardableResult
    func trade(
        _ text: String, of instrument: Instrument, in portfolio: Portfolio, key: String? = nil
    ) async throws -> Transaction {
        let words = text.split(separator: " ").map(String.init)
        return try await client.createTransaction(
            CreateTransactionRequest(
                portfolioID: portfolio.id, type: words[0], on: words[1], instrumentID: instrument.id,
                quantity: words[2], price: words[4]), metadata: metadata(key: key), timeout: .seconds(60)
        ).message
    }

    func importing(_ text: String, key: String? = nil) async throws -> PriceImport {
        try await client.importPrices(
            ImportPricesRequest(format: "amfi", content: Array(text.utf8)[...]), metadata: metadata(key: key),
            timeout: .seconds(60)
        ).message
    }

    /// The events about an aggregate in the order they were written; fails the test where their sequence has a gap.
    func events(of subject: String) async throws -> [String] {
        let rows = try await pool.query(
            """
            SELECT split_part(e ->> 'type', '.', 3), (e ->> 'sequence')::bigint
            FROM (SELECT convert_from(event, 'UTF8')::jsonb AS e, position FROM outbox) events
            WHERE e ->> 'subject' = \(subject) ORDER BY position
            """)
        return try rows.enumerated().map { index, row in
            let (type, sequence) = try row.decode(String.self, Int64.self)
            #expect(sequence == Int64(index + 1))
            return type
        }
    }
}

/// The code of the problem that a call is refused with, and the fields at fault.
func refusal(_ body: () async throws -> Void) async -> String? {
    do {
        try await body()
        return nil
    } catch let status as GRPCStatus {
        let problem = ProblemDetails(status)
        return ([problem.code] + problem.errors.map { "\($0.field):\($0.code)" }).joined(separator: " ")
    } catch {
        return "\(error)"
    }
}
