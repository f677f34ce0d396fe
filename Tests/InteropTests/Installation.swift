import Foundation
import Messaging
import MessagingAMQP
import Secrets
import ServersTesting
import Synchronization
import Testing
import TestKit

/// Servers, keys and folders for the programs of one test, and the programs it started.
final class Installation: Sendable {
    let databases: [String: String]
    let brokerURL: String
    let mailFolder: URL
    private let sealKey: SealedBox.PrivateKey
    private let masterKey: String
    private let processes = Mutex([ServiceProcess]())

    private init(databases: [String: String], brokerURL: String) throws {
        self.databases = databases
        self.brokerURL = brokerURL
        mailFolder = FileManager.default.temporaryDirectory.appending(path: "florin-mail-\(UUID().uuidString)")
        sealKey = try SealedBox.PrivateKey()
        masterKey = Data((0..<32).map { _ in UInt8.random(in: 0...255) }).base64EncodedString()
        try FileManager.default.createDirectory(at: mailFolder, withIntermediateDirectories: true)
    }

    /// Runs a test on servers that all tests share, unless it brings its own; ends all its programs.
    static func run(
        postgres: TestPostgres? = nil, rabbitMQ: TestRabbitMQ? = nil, _ body: (Installation) async throws -> Void
    ) async throws {
        let server: TestPostgres
        if let postgres { server = postgres } else { server = try await .shared() }
        let broker: TestRabbitMQ
        if let rabbitMQ { broker = rabbitMQ } else { broker = try await .shared() }
        let installation = try Installation(
            databases: try await server.makeServiceDatabases(), brokerURL: try await broker.makeVirtualHost())
        var failure: (any Error)?
        do { try await body(installation) } catch { failure = error }
        for process in installation.processes.withLock({ $0 }) { process.kill() }
        try FileManager.default.removeItem(at: installation.mailFolder)
        if let failure { throw failure }
    }

    /// The configuration of a program, on free ports.
    func environment(_ program: ServiceProcess.Program) throws -> [String: String] {
        var environment = [
            "FLORIN_DATABASE_URL": try #require(databases[program.schema]), "FLORIN_AMQP_URL": brokerURL,
            "FLORIN_GRPC_LISTEN": "127.0.0.1:0", "FLORIN_ADMIN_LISTEN": "127.0.0.1:0",
        ]
        switch program {
        case .auth:
            environment["FLORIN_MASTER_KEY"] = masterKey
            environment["FLORIN_SEAL_PUBLIC_KEY"] = sealKey.publicKey.base64
        case .processor:
            environment["FLORIN_SEAL_PRIVATE_KEY"] = sealKey.revealedBase64()
            environment["FLORIN_MAIL_DIR"] = mailFolder.path
        case .expense, .portfolio: break
        }
        return environment
    }

    /// Starts a program without waiting for it.
    ///
    /// - Parameter settings: beside those that every test has.
    func start(
        _ program: ServiceProcess.Program, _ arguments: [String] = ["serve"], adding settings: [String: String] = [:]
    ) throws -> ServiceProcess {
        let process = try ServiceProcess(
            program, arguments, try environment(program).merging(settings) { $1 })
        processes.withLock { $0.append(process) }
        return process
    }

    /// Brings a program's schema up to date.
    func migrate(_ program: ServiceProcess.Program) async throws {
        let migration = try start(program, ["migrate"])
        #expect(try await migration.status() == 0, "\(migration.log)")
    }
}

/// Everything that passes the broker, as it is on the wire, by a queue of its own.
final class Capture: Sendable {
    struct Message: Encodable {
        let routing_key: String
        let content_type: String
        let body: String
    }

    private static let probe = "florin.probe.v1"
    private let messages = Mutex([Message]())

    /// Captures while `body` runs.
    static func run(_ brokerURL: String, _ body: (Capture) async throws -> Void) async throws {
        let broker = try AMQPEventBroker(url: brokerURL, name: "capture")
        try broker.start()
        let capture = Capture()
        let everything = Subscription(queue: "capture", bindings: ["florin.#"], durability: .exclusive)
        let reading = Task {
            for await delivery in broker.deliveries(from: everything) {
                capture.messages.withLock {
                    $0.append(
                        Message(
                            routing_key: delivery.routingKey, content_type: delivery.contentType,
                            body: String(decoding: delivery.body, as: UTF8.self)))
                }
                delivery.ack()
            }
        }
        var failure: (any Error)?
        do {
            try await eventually("the capturing queue is bound") {
                let message = OutboundEvent(id: UUID().uuidString, routingKey: probe, contentType: "", body: [])
                _ = await broker.publish([message])
                return capture.messages.withLock { !$0.isEmpty }
            }
            try await body(capture)
        } catch {
            failure = error
        }
        reading.cancel()
        await broker.shutdown()
        await reading.value
        if let failure { throw failure }
    }

    /// What came, without the probes, in its order.
    var events: [Message] { messages.withLock { $0.filter { $0.routing_key != Self.probe } } }
}
