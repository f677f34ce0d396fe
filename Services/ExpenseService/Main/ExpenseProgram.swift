import Chronology
import Contracts
import ExpenseAPI
import ExpenseApplication
import ExpenseInfrastructure
import Messaging
import Postgres
import ServiceRuntime

/// The expense service: spending, budgets and reports.
enum ExpenseProgram: ServiceProgram {
    struct Settings: Sendable {
        let database: DatabaseSettings
        let broker: BrokerSettings
        let grpc: GRPCSettings
    }

    static let name = "expense-service"
    static let adminAddress = "127.0.0.1:8092"
    static let migrations = ExpenseSchema.migrations

    static func settings(_ reader: inout ConfigurationReader) -> Settings {
        Settings(
            database: DatabaseSettings(&reader), broker: BrokerSettings(&reader),
            grpc: GRPCSettings(&reader, address: "127.0.0.1:8082"))
    }

    static func build(_ host: ServiceHost, _ settings: Settings) throws {
        let pool = try host.database(settings.database, migrations: migrations)
        let broker = try host.broker(settings.broker)
        let outbox = Outbox()
        let store = ExpenseRepository(pool: pool, outbox: outbox)
        let clock = SystemClock()
        let categories = Categories(store: store, clock: clock)
        let api = ExpenseAPI(
            categories: categories, expenses: Expenses(store: store, clock: clock),
            budgets: Budgets(store: store, clock: clock), reports: Reports(store: store),
            idempotent: IdempotentCalls(pool: pool), logger: host.logger)
        host.serve(
            [
                ExpenseServiceHandlers(api), host.deadLetters(of: "expense", in: pool),
                ArchiveServiceHandlers(ArchiveAPI(ExpenseArchive.kinds, pool: pool, logger: host.logger)),
            ], settings: settings.grpc)
        host.relay(outbox, from: pool, to: broker)
        host.forgetOldAnswers(in: pool)
        host.consume(
            EventQueues.expenseUsers, of: broker, in: pool, handler: UserLifecycleHandler(categories: categories))
        host.consume(
            EventQueues.expenseErasures, of: broker, in: pool,
            handler: ErasureHandler(ExpenseErasure.service, outbox: outbox, clock: clock))
    }
}
