import Foundation
import Synchronization
import Testing
import TestKit

/// Generous: the machine may be slow and busy.
let patience: Duration = .seconds(120)

struct TimedOut: Error {
    let what: String
    let log: String
}

/// One of Florin's programs, as the build made it, run as an operator runs it.
final class ServiceProcess: Sendable {
    enum Program: String, CaseIterable, CustomTestStringConvertible {
        case auth = "auth-service"
        case expense = "expense-service"
        case portfolio = "portfolio-service"
        case processor = "event-processor"

        var testDescription: String { rawValue }
        /// The schema of its database.
        var schema: String {
            switch self {
            case .auth: "auth"
            case .expense: "expense"
            case .portfolio: "portfolio"
            case .processor: "events"
            }
        }
    }

    private let process: Mutex<Process>
    private let errors: OutputFile
    let pid: Int32

    /// Starts a program with this environment and nothing else of Florin's.
    init(_ program: Program, _ arguments: [String], _ environment: [String: String]) throws {
        let process = Process()
        process.executableURL = try Self.products().appending(path: program.rawValue)
        process.arguments = arguments
        process.environment = environment
        errors = try OutputFile()
        process.standardError = errors.handle
        process.standardInput = FileHandle.nullDevice
        try process.run()
        pid = process.processIdentifier
        self.process = Mutex(process)
    }

    /// The folder of the test's own executable, where the products of the same build are.
    static func products() throws -> URL {
        URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    }

    /// What it wrote to standard error so far: log lines and complaints.
    var log: String { errors.text }

    func wait(_ what: String, _ condition: () async throws -> Bool) async throws {
        do {
            try await eventually(what, within: patience, condition)
        } catch let failure as DidNotHappen {
            throw TimedOut(what: failure.description, log: String(log.suffix(4_000)))
        }
    }

    var isRunning: Bool { process.withLock { $0.isRunning } }

    /// The exit status; waits for it.
    func status() async throws -> Int32 {
        try await wait("the end of the program") { !isRunning }
        return process.withLock { $0.terminationStatus }
    }

    /// Asks for an orderly end; returns the exit status.
    func terminate() async throws -> Int32 {
        process.withLock { if $0.isRunning { $0.terminate() } }
        return try await status()
    }

    /// Ends what is left of it, whatever the test came to.
    func kill() {
        process.withLock { if $0.isRunning { Foundation.kill($0.processIdentifier, SIGKILL) } }
    }

    // MARK: Addresses

    private struct Line: Decodable {
        let message: String
        let address: String?
    }

    /// The address in the first log line with this message.
    private func address(_ message: String) async throws -> String {
        var found: Line?
        try await wait(message) {
            try #require(isRunning, "the program has ended: \(log)")
            found = log.split(separator: "\n").lazy
                .compactMap { try? JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
                .first { $0.message == message }
            return found != nil
        }
        return try #require(found?.address)
    }

    /// The port is one that was free: the log says which.
    func grpcAddress() async throws -> String { try await address("gRPC server listens") }

    /// Where operators ask.
    func adminAddress() async throws -> String { try await address("started") }

    // MARK: Readiness

    struct Readiness: Decodable {
        let ready: Bool
        let checks: [String: String]

        /// The names of what is missing.
        var missing: Set<String> { Set(checks.filter { $0.value != "ready" }.keys) }
    }

    /// What `/readyz` answers: its status and what is missing.
    func readiness() async throws -> (status: Int, missing: Set<String>) {
        let address = try await address("started")
        let result = try await runProgram(
            "/usr/bin/curl",
            [
                "--silent", "--max-time", "60", "--noproxy", "*", "--write-out", "\n%{http_code}",
                "http://\(address)/readyz",
            ])
        let lines = result.lines
        let status = try #require(lines.last.flatMap { Int($0) })
        guard lines.count > 1 else { return (status, []) }
        return (status, try JSONDecoder().decode(Readiness.self, from: Data(lines[0].utf8)).missing)
    }

    func waitUntilReady() async throws {
        try await wait("readiness") { try await readiness().status == 200 }
    }
}
