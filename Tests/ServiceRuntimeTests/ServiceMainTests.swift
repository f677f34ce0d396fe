import Chronology
import EventLoop
import Foundation
import GRPC
import Messaging
import Observability
import Postgres
import ServersTesting
import Synchronization
import Testing

@testable import ServiceRuntime

/// A program with everything that a service of Florin has.
private enum Sample: ServiceProgram {
    struct Settings: Sendable {
        let database: DatabaseSettings
        let broker: BrokerSettings
        let grpc: GRPCSettings
    }

    static let name = "sample-service"
    static let adminAddress = "127.0.0.1:0"
    static let migrations = [Migration(number: 1, name: "outbox", sql: Outbox.migration)]
    static let commands = [
        ServiceCommand<Settings>("count", help: "counts its arguments") { host, _, arguments in
            try await host.startComponents()
            return Int32(arguments.count)
        },
        ServiceCommand<Settings>("fail", help: "fails") { _, _, _ in throw Refusal() },
    ]

    static func settings(_ reader: inout ConfigurationReader) -> Settings {
        Settings(
            database: DatabaseSettings(&reader), broker: BrokerSettings(&reader),
            grpc: GRPCSettings(&reader, address: "127.0.0.1:0"))
    }

    static func build(_ host: ServiceHost, _ settings: Settings) throws {
        let pool = try host.database(settings.database, migrations: migrations)
        let broker = try host.broker(settings.broker)
        let outbox = Outbox()
        host.relay(outbox, from: pool, to: broker)
        host.serve([], settings: settings.grpc)
        let loop = host.loop
        host.run("write-an-event") {
            while !Task.isCancelled {
                do {
                    let event = try OutboxEvent(
                        type: "florin.sample.written.v1", source: "/florin/sample", subject: "1", partitionKey: "1",
                        sequence: 1,
                        time: SystemClock().now(), dataSchema: "urn:florin:event:sample:written:v1",
                        data: Array("{}".utf8))
                    _ = try await pool.batch([outbox.insert([event])])
                    outbox.poke()
                    return await untilCancelled(loop)
                } catch {
                    do { try await loop.sleep(for: .milliseconds(50)) } catch { return }
                }
            }
        }
    }
}

struct ServiceMainTests {
    @Test func helpListsCommandsAndKeys() async {
        let run = await Run.start(["--help"], [:])
        #expect(run.status == 0)
        for text in [
            "usage: sample-service COMMAND", "serve", "migrate", "count", "FLORIN_DATABASE_URL", "(required)",
            "(default 127.0.0.1:0)", "FLORIN_CONFIG",
        ] { #expect(run.output.contains(text)) }
        #expect(await Run.start(["--version"], [:]).output == "sample-service \(ServiceMain.version)\n")
    }

    @Test(arguments: [[], ["bogus"], ["--bogus"]])
    func refusesUnknownCommands(_ arguments: [String]) async {
        let run = await Run.start(arguments, [:])
        #expect(run.status == 64)
        #expect(run.errors.contains("usage:"))
        #expect(run.output.isEmpty)
    }

    @Test func namesEveryFaultOfTheConfiguration() async {
        let run = await Run.start(
            ["serve"],
            ["FLORIN_DATABASE_URL": "mysql://x", "FLORIN_GRPC_LISTEN": "nowhere", "FLORIN_LOG_LEVEL": "loud"])
        #expect(run.status == 78)
        #expect(run.lines.all.isEmpty)
        let faults = run.errors.split(separator: "\n")
        #expect(faults.count == 4)
        for key in ["FLORIN_DATABASE_URL", "FLORIN_GRPC_LISTEN", "FLORIN_LOG_LEVEL", "FLORIN_AMQP_URL must be set"] {
            #expect(faults.contains { $0.hasPrefix("sample-service: \(key)") })
        }
        #expect(!run.errors.contains("mysql"))
    }

    @Test func commandsHaveTheirStatus() async {
        let nowhere = [
            "FLORIN_DATABASE_URL": "postgres://a:secret@127.0.0.1:1/b",
            "FLORIN_AMQP_URL": "amqp://a:secret@127.0.0.1:1/c",
        ]
        let run = await Run.start(["count", "x", "y"], nowhere)
        #expect(run.status == 2)
        #expect(run.lines.contain("FLORIN_DATABASE_URL=postgres://a:***@127.0.0.1:1/b"))
        #expect(!run.lines.contain("secret"))
        #expect(await Run.start(["fail"], nowhere).status == 1)
    }

    @Test func aTakenAddressEndsTheProcess() async throws {
        let squatter = try await Run.serve([
            "FLORIN_DATABASE_URL": "postgres://a:b@127.0.0.1:1/b", "FLORIN_AMQP_URL": "amqp://127.0.0.1:1/c",
        ])
        let address = try await squatter.adminAddress()
        let run = await Run.start(
            ["serve"],
            [
                "FLORIN_DATABASE_URL": "postgres://a:b@127.0.0.1:1/b", "FLORIN_AMQP_URL": "amqp://127.0.0.1:1/c",
                "FLORIN_ADMIN_LISTEN": address,
            ])
        #expect(run.status == 1)
        #expect(run.lines.contain("cannot start"))
        #expect(await squatter.stop() == 0)
    }

    @Test(.timeLimit(.minutes(5))) func startsWithoutItsServersAndSaysWhatIsMissing() async throws {
        let run = try await Run.serve([
            "FLORIN_DATABASE_URL": "postgres://a:b@127.0.0.1:1/b", "FLORIN_AMQP_URL": "amqp://127.0.0.1:1/c",
        ])
        let (status, body) = try await run.get("/readyz")
        #expect(status == 503)
        let answer = try JSONDecoder().decode(ReadinessAnswer.self, from: body)
        #expect(!answer.ready)
        #expect(answer.checks.keys.sorted() == ["broker", "database", "schema"])
        #expect(answer.checks.values.allSatisfy { $0 != "ready" })
        #expect(try await run.get("/livez").status == 200)
        #expect(try await run.get("/nothing").status == 404)
        #expect(try await run.get("/livez", method: "POST").status == 405)
        let metrics = String(decoding: try await run.get("/metrics").body, as: UTF8.self)
        for name in [
            "florin_ready 0", "process_resident_memory_bytes ", "process_open_fds ",
            "florin_build_info{service=\"sample-service\",version=\"\(ServiceMain.version)\"} 1",
        ] { #expect(metrics.contains("\n\(name)") || metrics.hasPrefix(name)) }
        #expect(await run.stop() == 0)
    }

    @Test(.timeLimit(.minutes(5))) func servesMigratesRelaysAndStops() async throws {
        let database = try await TestPostgres.shared().makeDatabase()
        let broker = try await TestRabbitMQ.shared()
        let environment = ["FLORIN_DATABASE_URL": database, "FLORIN_AMQP_URL": try await broker.makeVirtualHost()]

        let run = try await Run.serve(environment)
        try await run.wait("the schema is missing") { run.lines.contain("schema not usable") }
        #expect(try await run.get("/readyz").status == 503)

        let migration = await Run.start(["migrate"], environment)
        #expect(migration.status == 0)
        #expect(await Run.start(["migrate"], environment).status == 0)

        try await run.wait("readiness") { try await run.get("/readyz").status == 200 }
        try await run.wait("the event is relayed") {
            String(decoding: try await run.get("/metrics").body, as: UTF8.self).contains(
                "\nflorin_outbox_published_total 1\n")
        }
        #expect(await run.stop() == 0)
        #expect(run.lines.contain("\"message\":\"ready\""))
        #expect(run.lines.contain("\"message\":\"stopped\""))
    }
}

private struct ReadinessAnswer: Decodable {
    let ready: Bool
    let checks: [String: String]
}

/// A run of the sample program in this process.
private final class Run: Sendable {
    let lines = LogLines()
    private let texts = Mutex((output: "", errors: ""))
    private let result = Mutex<Int32?>(nil)
    private let task = Mutex<Task<Int32, Never>?>(nil)
    private let stopping = AsyncStream<Void>.makeStream()

    var status: Int32? { result.withLock { $0 } }
    var output: String { texts.withLock { $0.output } }
    var errors: String { texts.withLock { $0.errors } }

    /// Runs to the end.
    static func start(_ arguments: [String], _ environment: [String: String]) async -> Run {
        let run = Run()
        let status = await run.main(arguments, environment)
        run.result.withLock { $0 = status }
        return run
    }

    /// Runs `serve` in the background and waits until the admin address answers.
    static func serve(_ environment: [String: String]) async throws -> Run {
        let run = Run()
        let task = Task { await run.main(["serve"], environment) }
        run.task.withLock { $0 = task }
        try await run.wait("start") { run.lines.contain("\"message\":\"started\"") }
        return run
    }

    private func main(_ arguments: [String], _ environment: [String: String]) async -> Int32 {
        let stopping = stopping.stream
        return await ServiceMain.run(
            Sample.self, arguments: arguments, source: ConfigurationSource(environment: environment),
            output: { text in self.texts.withLock { $0.output += text } },
            errors: { text in self.texts.withLock { $0.errors += text } }, sink: lines.add,
            stopRequest: { _, _ in for await _ in stopping {} })
    }

    func stop() async -> Int32? {
        stopping.continuation.finish()
        return await task.withLock { $0 }?.value
    }

    func adminAddress() async throws -> String {
        let line = try #require(lines.all.first { $0.contains("\"message\":\"started\"") })
        struct Line: Decodable { let address: String }
        return try JSONDecoder().decode(Line.self, from: Data(line.utf8)).address
    }

    func get(_ path: String, method: String = "GET") async throws -> (status: Int, body: Data) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/curl")
        process.arguments = [
            "--silent", "--max-time", "10", "--noproxy", "*", "--request", method, "--write-out", "\n%{http_code}",
            "http://\(try await adminAddress())\(path)",
        ]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        let end = try #require(text.lastIndex(of: "\n"))
        return (Int(text[text.index(after: end)...]) ?? 0, Data(text[..<end].utf8))
    }

    /// Waits for a condition, generously.
    func wait(_ what: String, until condition: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(120)
        while try await !condition() {
            guard ContinuousClock.now < deadline else {
                throw TimedOut(what: what, lines: lines.all.suffix(20))
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    struct TimedOut: Error {
        let what: String
        let lines: ArraySlice<String>
    }
}

private func untilCancelled(_ loop: EventLoop) async {
    while !Task.isCancelled { do { try await loop.sleep(for: .seconds(3600)) } catch { return } }
}
