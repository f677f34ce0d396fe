import Chronology
import Contracts
import EventLoop
import Messaging
import PortfolioAPI
import PortfolioApplication
import PortfolioInfrastructure
import Postgres
import ServiceRuntime

/// The portfolio service: instruments, prices, transactions, and what they are worth.
enum PortfolioProgram: ServiceProgram {
    struct Settings: Sendable {
        let database: DatabaseSettings
        let broker: BrokerSettings
        let grpc: GRPCSettings
    }

    static let name = "portfolio-service"
    static let adminAddress = "127.0.0.1:8093"
    static let migrations = PortfolioSchema.migrations

    static func settings(_ reader: inout ConfigurationReader) -> Settings {
        Settings(
            database: DatabaseSettings(&reader), broker: BrokerSettings(&reader),
            grpc: GRPCSettings(&reader, address: "127.0.0.1:8083"))
    }

    static func build(_ host: ServiceHost, _ settings: Settings) throws {
        let pool = try host.database(settings.database, migrations: migrations)
        let broker = try host.broker(settings.broker)
        let outbox = Outbox()
        let store = PortfolioRepository(pool: pool, outbox: outbox)
        let clock = SystemClock()
        let files = OffloadPool(name: "files", threads: 1, queueLimit: 16)
        host.observe(files, named: "files")
        host.add(Component("files", start: {}, stop: { _ in files.shutdown() }))
        let api = PortfolioAPI(
            portfolios: Portfolios(store: store, clock: clock), instruments: Instruments(store: store, clock: clock),
            prices: Prices(store: store, clock: clock, offload: { try await files.run($0) }),
            transactions: Transactions(store: store, clock: clock), figures: Figures(store: store, clock: clock),
            idempotent: IdempotentCalls(pool: pool), logger: host.logger)
        // A file of prices has at most 64 MiB at the gateway; the message around it needs a little more.
        host.serve(
            [
                PortfolioServiceHandlers(api), host.deadLetters(of: "portfolio", in: pool),
                ArchiveServiceHandlers(ArchiveAPI(PortfolioArchive.kinds, pool: pool, logger: host.logger)),
            ], settings: settings.grpc,
            maximumMessageBytes: 65 << 20)
        host.relay(outbox, from: pool, to: broker)
        host.forgetOldAnswers(in: pool)
        host.consume(
            EventQueues.portfolioUsers, of: broker, in: pool,
            handler: UserLifecycleHandler(outbox: outbox, clock: clock))
        host.consume(
            EventQueues.portfolioErasures, of: broker, in: pool,
            handler: ErasureHandler(PortfolioErasure.service, outbox: outbox, clock: clock))
        host.consume(
            EventQueues.portfolioPerformance, of: broker, in: pool,
            handler: PerformanceHandler(outbox: outbox, clock: clock))
    }
}
