import Chronology
import Contracts
import EventLoop
import GRPC
import Messaging
import Postgres
import ProcessorAPI
import ProcessorApplication
import ProcessorInfrastructure
import Secrets
import ServiceRuntime

/// The event processor: audit trails and mails.
enum ProcessorProgram: ServiceProgram {
    struct Settings: Sendable {
        let database: DatabaseSettings
        let broker: BrokerSettings
        let grpc: GRPCSettings
        let mail: MailSettings
        /// Nil only while the configuration has faults.
        let sealKey: SealedBox.PrivateKey?
        let publicURL: String
        /// Where the letters of the other consuming services are asked for.
        let auth: [SocketAddress]
        let expense: [SocketAddress]
        let portfolio: [SocketAddress]
    }

    static let name = "event-processor"
    static let adminAddress = "127.0.0.1:8094"
    static let migrations = ProcessorSchema.migrations
    static let commands = [
        ServiceCommand<Settings>("audit", help: "verify: walks every audit trail and names what does not hold") {
            try await verifyAudit($0, $1, $2)
        },
        ServiceCommand<Settings>(
            "dead-letters", help: "list | groups | show | replay | discard | archive: events put aside; see --help",
            usage: DeadLetterCommand.usage, fault: DeadLetterCommand.fault
        ) {
            try await deadLetters($0, $1, $2)
        },
    ]

    static func settings(_ reader: inout ConfigurationReader) -> Settings {
        Settings(
            database: DatabaseSettings(&reader), broker: BrokerSettings(&reader),
            grpc: GRPCSettings(&reader, address: "127.0.0.1:8084"),
            mail: MailSettings(&reader),
            sealKey: reader.value(
                "FLORIN_SEAL_PRIVATE_KEY", "base64 of the key that opens one-time tokens", standIn: nil, isSecret: true
            ) { text in
                do throws(SecretsError) {
                    return .success(try SealedBox.PrivateKey(base64: text))
                } catch {
                    return .failure(FileFault("is not a private key of 32 bytes in base64"))
                }
            },
            publicURL: reader.string(
                "FLORIN_PUBLIC_URL", "where users reach Florin", default: "http://127.0.0.1:8080"),
            auth: reader.addresses(
                "FLORIN_AUTH_GRPC", "auth service, asked for its dead letters", default: "127.0.0.1:8081"),
            expense: reader.addresses(
                "FLORIN_EXPENSE_GRPC", "expense service, asked for its dead letters", default: "127.0.0.1:8082"),
            portfolio: reader.addresses(
                "FLORIN_PORTFOLIO_GRPC", "portfolio service, asked for its dead letters", default: "127.0.0.1:8083"))
    }

    static func build(_ host: ServiceHost, _ settings: Settings) throws {
        guard let sealKey = settings.sealKey else { throw ConfigurationFailure(faults: ["FLORIN_SEAL_PRIVATE_KEY"]) }
        let pool = try host.database(settings.database, migrations: migrations)
        let broker = try host.broker(settings.broker)
        let mail = settings.mail.open(pool: pool)
        host.add(Component("mail", start: {}, stop: { _ in mail.stop() }))
        let outbox = Outbox()
        host.relay(outbox, from: pool, to: broker)
        let api = EventsAPI(listAudit: ListAudit(trails: AuditStore(pool: pool)), logger: host.logger)
        let streamEvents = StreamEvents(pool: pool)
        host.serve(
            [
                EventsServiceHandlers(api),
                StreamServiceHandlers(StreamAPI(events: streamEvents, logger: host.logger)),
                ArchiveServiceHandlers(ArchiveAPI(ProcessorArchive.kinds, pool: pool, logger: host.logger)),
            ], settings: settings.grpc)
        host.chore("stream-events-sweep", every: .seconds(60)) { _ = try await streamEvents.sweep() }
        host.consume(EventQueues.streams, of: broker, in: pool, handler: StreamEventHandler())
        host.admin.route(
            allUnder: "dead-letters", DeadLetterAdmin(desk: desk(host, settings, pool)).answer)
        host.consume(EventQueues.audit, of: broker, in: pool, handler: AuditHandler())
        host.consume(
            EventQueues.mail, of: broker, in: pool,
            handler: MailHandler(transport: mail.transport, sealKey: sealKey, publicURL: settings.publicURL),
            configuration: mail.consumer)
        host.consume(
            EventQueues.processorErasures, of: broker, in: pool,
            handler: ErasureHandler(ProcessorErasure.service, outbox: outbox, clock: SystemClock()))
    }

    private static func verifyAudit(_ host: ServiceHost, _ settings: Settings, _ arguments: [String]) async throws
        -> Int32
    {
        guard arguments == ["verify"] else {
            host.logger.error("the only thing to do with audit is verify")
            return ServiceMain.Status.usage
        }
        let pool = try host.database(settings.database, migrations: migrations)
        try await host.startComponents()
        let verification = try await AuditStore(pool: pool).verifyAll()
        for fault in verification.faults {
            host.logger.error("the audit trail does not hold", [.reason: .string(fault)])
        }
        host.logger.info("audit trails verified", [.count: .int(verification.entries)])
        return verification.faults.isEmpty ? ServiceMain.Status.ok : ServiceMain.Status.failure
    }

    private static func deadLetters(_ host: ServiceHost, _ settings: Settings, _ arguments: [String]) async throws
        -> Int32
    {
        let command = try DeadLetterCommand(arguments)
        let desk = desk(host, settings, try host.database(settings.database, migrations: migrations))
        try await host.startComponents()
        return try await command.run(at: desk, logger: host.logger, output: host.output)
    }

    private static func desk(_ host: ServiceHost, _ settings: Settings, _ pool: PostgresPool) -> DeadLetterDesk {
        func remote(_ addresses: [SocketAddress]) -> RemoteDeadLetters {
            var configuration = GRPCChannel.Configuration()
            // A letter holds a message of whatever size the broker takes.
            configuration.maximumMessageBytes = 64 << 20
            return RemoteDeadLetters(channel: host.channel(to: addresses, service: nil, configuration: configuration))
        }
        return DeadLetterDesk(
            [
                .processor: DeadLetterAPI(
                    service: ConsumingService.processor.rawValue, store: DeadLetterStore(pool: pool),
                    logger: host.logger),
                .auth: remote(settings.auth), .expense: remote(settings.expense),
                .portfolio: remote(settings.portfolio),
            ], logger: host.logger)
    }
}
