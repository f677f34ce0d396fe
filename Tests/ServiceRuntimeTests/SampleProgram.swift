import Chronology
import EventLoop
import Foundation
import GRPC
import Messaging
import Observability
import Postgres
import Synchronization
import Testing

@testable import ServiceRuntime

/// A program with everything that a service of Florin has.
enum Sample: ServiceProgram {
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

/// A run of the sample program in this process.
final class Run: Sendable {
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
            "--silent", "--max-time", "60", "--noproxy", "*", "--request", method, "--write-out", "\n%{http_code}",
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
