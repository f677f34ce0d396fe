import Contracts
import EventLoop
import GRPC
import GatewayAPI
import HTTPServer
import Postgres
import Resilience
import ServiceRuntime

/// The gateway: the public HTTP API in front of the services.
enum GatewayProgram: ServiceProgram {
    struct Settings: Sendable {
        let listener: PublicListener
        let issuer: String
        let keyCache: Int
        let broker: BrokerSettings
        let auth, expense, portfolio, processor: ServiceAddresses
        let resilience: Dependency.Configuration
        let limits: RateLimits
        let rules: ResponseRules
    }

    static let name = "gateway"
    static let adminAddress = "127.0.0.1:8090"
    static let migrations: [Migration] = []

    static func settings(_ reader: inout ConfigurationReader) -> Settings {
        let issuer = reader.string(
            "FLORIN_PUBLIC_URL", "public address, the issuer of tokens", default: "http://127.0.0.1:8080")
        return Settings(
            listener: PublicListener(&reader),
            issuer: issuer,
            keyCache: reader.int(
                "FLORIN_KEY_CACHE_SECONDS", "how long the keys that verify tokens are kept", default: 300, in: 1...3600),
            broker: BrokerSettings(&reader),
            auth: reader.service("FLORIN_AUTH_GRPC", "auth service", default: "127.0.0.1:8081"),
            expense: reader.service("FLORIN_EXPENSE_GRPC", "expense service", default: "127.0.0.1:8082"),
            portfolio: reader.service("FLORIN_PORTFOLIO_GRPC", "portfolio service", default: "127.0.0.1:8083"),
            processor: reader.service("FLORIN_PROCESSOR_GRPC", "event processor", default: "127.0.0.1:8084"),
            resilience: resilience(&reader),
            limits: RateLimits(
                user: reader.int(
                    "FLORIN_RATE_LIMIT_USER", "requests a minute of a user", default: 1000, in: 1...10_000_000),
                anonymous: reader.int(
                    "FLORIN_RATE_LIMIT_ANONYMOUS", "requests a minute of an address without a user", default: 600,
                    in: 1...10_000_000),
                signIn: reader.int(
                    "FLORIN_RATE_LIMIT_SIGN_IN", "sign-ins and registrations a minute of an address", default: 120,
                    in: 1...10_000_000)),
            rules: rules(&reader, isSecure: issuer.hasPrefix("https://")))
    }

    private static func rules(_ reader: inout ConfigurationReader, isSecure: Bool) -> ResponseRules {
        var rules = ResponseRules()
        rules.isSecure = isSecure
        rules.crossOrigin = reader.value(
            "FLORIN_CORS_ORIGINS", "origins whose pages may use the API, or *", default: "", standIn: .closed
        ) { text in
            CrossOriginPolicy(parsing: text).map { .success($0) }
                ?? .failure(FileFault("must be origins such as https://app.example, with commas between them"))
        }
        return rules
    }

    private static func resilience(_ reader: inout ConfigurationReader) -> Dependency.Configuration {
        var configuration = Dependency.Configuration()
        configuration.concurrency = reader.int(
            "FLORIN_SERVICE_CALLS", "calls to one service at once", default: configuration.concurrency,
            in: 1...100_000)
        configuration.queue = reader.int(
            "FLORIN_SERVICE_QUEUE", "calls that wait for one of those to end", default: configuration.queue,
            in: 0...100_000)
        return configuration
    }

    static func build(_ host: ServiceHost, _ settings: Settings) throws {
        // Without it live streams stand still, and what was revoked is asked for instead.
        let broker = try host.broker(settings.broker, isRequired: false)
        let loop = host.loop
        let dependencies = Dependencies(
            configuration: settings.resilience, clock: ResilienceClock(loop), metrics: host.metrics)
        let services = ServiceConnections(host, settings, dependencies)
        let keys = AccessKeys(
            auth: services.clients.auth, loop: loop, renewal: .seconds(settings.keyCache), logger: host.logger)
        host.readiness.add("keys") { keys.generation > 0 ? nil : "the keys of the auth service are not there yet" }
        host.run("access-keys") { await keys.run() }

        let revocations = Revocations { loop.now }
        let changes = AccessChanges { loop.now }
        let apiTokens = ApiTokens(access: services.access, dependencies: dependencies, loop: loop)
        let streams = EventStreams(loop: loop, metrics: host.metrics)
        host.run("event-streams") { await streams.run() }
        let access = AccessEvents(
            revocations: revocations, changes: changes, apiTokens: apiTokens, streams: streams, logger: host.logger)
        let feed = EventFeed(subscriber: broker, access: access, streams: streams, logger: host.logger)
        host.run("event-feed") { await feed.run() }
        let watch = RevocationWatch(
            access: services.access, revocations: revocations, changes: changes, streams: streams, loop: loop,
            logger: host.logger)
        host.readiness.add("revocations") { watch.isReady ? nil : "not listed by the auth service yet" }
        host.run("revocations") { await watch.run() }

        let gateway = Gateway(
            loop: loop,
            parts: Gateway.Parts(
                clients: services.clients, keys: keys,
                authenticator: Authenticator(
                    keys: keys, revocations: revocations, changes: changes, apiTokens: apiTokens,
                    issuer: settings.issuer),
                limiter: MemoryRateLimiter(), limits: settings.limits, streams: streams,
                archive: services.archive, history: services.history, proxies: settings.listener.proxies,
                issuer: settings.issuer, dependencies: dependencies, rules: settings.rules),
            logger: host.logger, metrics: host.metrics)
        let server = gateway.server(listeningOn: settings.listener.address) { [inherited = host.inherited] in
            settings.listener.configure(&$0, inherited)
        }
        settings.listener.reloadOnHangUp(host)
        host.metrics.gauge("florin_http_connections", help: "Client connections that are open.") {
            Double(server.statistics.connections)
        }
        host.metrics.counter(
            "florin_http_refused_total", help: "Requests and connections that the HTTP server refused by itself."
        ) { Double(server.statistics.refused) }
        host.serve(server, notice: settings.listener.notice)
    }
}
