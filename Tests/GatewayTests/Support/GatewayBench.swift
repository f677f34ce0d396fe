import Chronology
import CloudEvents
import Contracts
import EventLoop
import GRPC
import GatewayAPI
import HTTPServer
import HTTPTesting
import Messaging
import MessagingTesting
import Observability
import Resilience
import Synchronization
import Testing
import TestKit

/// A gateway on real sockets, in front of services that a test steers, and of a broker in memory.
struct GatewayBench: Sendable {
    /// What a test may want otherwise.
    struct Options {
        var limits = RateLimits(user: 10_000, anonymous: 10_000, signIn: 10_000)
        var streams = EventStreams.Configuration()
        /// How long streams wait for what happened before; where a test has to be faster than that, longer.
        var settlingTime = Duration.seconds(2)
        var server: (inout HTTPServer.Configuration) -> Void = { _ in }
        var resilience = Dependency.Configuration()
        var rules = ResponseRules()
        /// How long the keys that verify tokens are kept.
        var keyRenewal = Duration.seconds(300)
        /// How long the gateway believes what it heard of an API token; longer than a test takes.
        var apiTokenLifetime = Duration.seconds(600)
        var limiter: any RateLimiter = MemoryRateLimiter()
        var proxies = TrustedProxies.none
        var deadlines = Self.patientDeadlines
        /// How long a request waits for what the gateway itself asks of a service on its way.
        var questionTimeout = Duration.seconds(50)
        /// What tells the time to the rules of resilience; nil for the loop.
        var clock: ShiftedClock?
        /// Where services are that are not among those of the bench.
        var addresses: [String: [SocketAddress]] = [:]
        var channel = GRPCChannel.Configuration()
        /// Services of which nothing listens.
        var missing: Set<String> = []

        /// Longer than those of the program, for a machine that is far too slow.
        private static var patientDeadlines: CallDeadlines {
            var deadlines = CallDeadlines()
            deadlines.call = .seconds(50)
            return deadlines
        }
    }

    let loop: EventLoop
    let address: SocketAddress
    let services: FakeServices
    let broker: InMemoryBroker
    let streams: EventStreams
    let tokens: AccessTokens
    let server: HTTPServer
    let metrics: Metrics
    let log: LogLines

    /// Runs `body` with a gateway and takes everything down afterwards.
    static func run(
        _ adjust: (inout Options) -> Void = { _ in }, _ body: (GatewayBench) async throws -> Void
    ) async throws {
        var options = Options()
        adjust(&options)
        let loop = try EventLoop(name: "gateway")
        loop.start()
        let services = FakeServices()
        let tokens = try AccessTokens.shared.get()
        services.on("ListRevocations") { (_: ListRevocationsRequest, _) in
            RevocationList(listedAt: SystemClock().now().description)
        }
        services.on("GetKeySet") { (_: Empty, _) in Contracts.KeySet(keys: [tokens.published()]) }
        let backend = GRPCServer(
            loop: loop, configuration: configuration(), services: services.services, logger: .silent)
        let target = try await backend.start()
        let parts = Assembly(loop: loop, target: target, options: options)
        let address = try await parts.server.start()
        let tasks = parts.tasks.map { task in loop.spawn(task) }
        let outcome: Result<Void, any Error>
        do {
            if !options.missing.contains("auth"), options.addresses["auth"]?.isEmpty != true {
                try await eventually("the keys are there") { parts.keys.generation > 0 }
            }
            try await eventually("the feed listens") { await parts.isListening() }
            let bench = GatewayBench(
                loop: loop, address: address, services: services, broker: parts.broker, streams: parts.streams,
                tokens: tokens, server: parts.server, metrics: parts.metrics, log: parts.log)
            outcome = .success(try await body(bench))
        } catch {
            outcome = .failure(error)
        }
        await parts.server.drain(deadline: .seconds(5))
        for task in tasks {
            task.cancel()
            await task.value
        }
        for channel in parts.channels { await channel.shutdown() }
        await backend.shutdown(grace: .zero)
        await loop.shutdown()
        try outcome.get()
    }

    private static func configuration() -> GRPCServer.Configuration {
        var configuration = GRPCServer.Configuration(address: .loopback(port: 0))
        configuration.maximumMessageBytes = 65 << 20
        configuration.maximumHeldBytes = 130 << 20
        return configuration
    }

    /// Sends one request on a connection of its own.
    func send(
        _ method: String, _ path: String, token: String? = nil, headers: [String] = [], body: String? = nil,
        type: String? = "application/json"
    ) async throws -> Answer {
        let client = try SocketClient(address)
        try await client.send(request(method, path, token: token, headers: headers, body: body, type: type))
        return try await client.answer(to: method)
    }

    /// The text of a request.
    func request(
        _ method: String, _ path: String, token: String? = nil, headers: [String] = [], body: String? = nil,
        type: String? = "application/json"
    ) -> String {
        var lines = ["\(method) \(path) HTTP/1.1", "Host: florin.example"] + headers
        if let token { lines.append("Authorization: Bearer \(token)") }
        if let body {
            if let type { lines.append("Content-Type: \(type)") }
            lines.append("Content-Length: \(body.utf8.count)")
        }
        return lines.joined(separator: "\r\n") + "\r\n\r\n" + (body ?? "")
    }

    /// Publishes an event about a user.
    @discardableResult
    func publish(_ type: String, user: UUIDv7, data: String = "{\"n\":\n1}") async throws -> String {
        let id = UUIDv7.make().description
        let event = try CloudEvent(
            id: id, source: "/florin/test", type: type, subject: id, dataContentType: "application/json",
            extensions: [.init("partitionkey", .string(user.description))], data: .json(Array(data.utf8)))
        let outbound = OutboundEvent(
            id: id, routingKey: type, contentType: CloudEventJSONCodec.contentType,
            body: CloudEventJSONCodec.encode(event))
        guard await broker.publish([outbound]) == [.confirmed] else { throw SocketClient.Failure.closed }
        return id
    }
}

/// Log lines that were written.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }
    func add(_ line: [UInt8]) { lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }
}

/// The parts of a gateway, as its program puts them together.
private struct Assembly {
    let broker = InMemoryBroker()
    let metrics = Metrics()
    let log = LogLines()
    let keys: AccessKeys
    let streams: EventStreams
    let server: HTTPServer
    let channels: [GRPCChannel]
    let tasks: [@Sendable () async -> Void]

    /// Whether somebody consumes the events.
    func isListening() async -> Bool {
        let probe = OutboundEvent(id: "0", routingKey: "florin.expense.probe.v1", contentType: "", body: [])
        return await broker.publish([probe]) == [.confirmed]
    }

    init(loop: EventLoop, target: SocketAddress, options: GatewayBench.Options) {
        let log = log
        let logger = Logger(service: "gateway") { log.add($0) }
        func channel(_ service: String) -> GRPCChannel {
            let addresses = options.addresses[service] ?? [target]
            return GRPCChannel(
                loop: loop, targets: options.missing.contains(service) ? [.loopback(port: 1)] : addresses,
                configuration: options.channel)
        }
        channels = ["auth", "events", "expense", "portfolio"].map(channel)
        let clients = GatewayClients(
            auth: channels[0], events: channels[1], expense: channels[2], portfolio: channels[3])
        let keys = AccessKeys(
            auth: clients.auth, loop: loop, renewal: options.keyRenewal, timeout: options.questionTimeout,
            unknownKeyInterval: .seconds(600), logger: logger)
        let revocations = Revocations { loop.now }
        let changes = AccessChanges { loop.now }
        let access = AccessServiceClient(channel: channels[0])
        let dependencies = Dependencies(
            configuration: options.resilience, clock: options.clock?.clock(loop) ?? ResilienceClock(loop),
            metrics: metrics)
        let apiTokens = ApiTokens(
            access: access, dependencies: dependencies, loop: loop, timeout: options.questionTimeout,
            lifetime: options.apiTokenLifetime)
        let streams = EventStreams(configuration: options.streams, loop: loop, metrics: metrics)
        let events = AccessEvents(
            revocations: revocations, changes: changes, apiTokens: apiTokens, streams: streams, logger: logger)
        let feed = EventFeed(subscriber: broker, access: events, streams: streams, logger: logger)
        let watch = RevocationWatch(
            access: access, revocations: revocations, changes: changes, streams: streams,
            interval: .milliseconds(50), loop: loop, logger: logger)
        let gateway = Gateway(
            loop: loop,
            parts: Gateway.Parts(
                clients: clients, keys: keys,
                authenticator: Authenticator(
                    keys: keys, revocations: revocations, changes: changes, apiTokens: apiTokens,
                    issuer: AccessTokens.issuer),
                limiter: options.limiter, limits: options.limits, streams: streams,
                archive: UserArchive(
                    auth: channels[0], events: channels[1], expense: channels[2], portfolio: channels[3],
                    dependencies: dependencies),
                history: StreamHistory(
                    client: StreamServiceClient(channel: channels[1]), dependencies: dependencies, loop: loop,
                    timeout: options.questionTimeout, lag: .seconds(60), settlingTime: options.settlingTime),
                proxies: options.proxies,
                issuer: AccessTokens.issuer, dependencies: dependencies, deadlines: options.deadlines,
                rules: options.rules),
            logger: logger, metrics: metrics)
        server = gateway.server(listeningOn: .loopback(port: 0)) {
            // Longer than that of the program, for a machine that is far too slow.
            $0.headTimeout = .seconds(60)
            options.server(&$0)
        }
        self.keys = keys
        self.streams = streams
        tasks = [{ await keys.run() }, { await streams.run() }, { await feed.run() }, { await watch.run() }]
    }
}
