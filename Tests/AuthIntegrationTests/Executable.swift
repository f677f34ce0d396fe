import Foundation
import Glibc
import Synchronization
import TestKit
import Testing

/// A run of one of the programs in a process of its own.
final class Executable: Sendable {
    let environment: [String: String]
    private let process: Mutex<Process>
    private let output: OutputFile

    /// Starts it.
    init(_ arguments: [String], _ environment: [String: String], program: String = "auth-service") throws {
        self.environment = environment
        let process = Process()
        process.executableURL = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appending(path: program)
        process.arguments = arguments
        process.environment = environment
        output = try OutputFile()
        process.standardError = output.handle
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        self.process = Mutex(process)
    }

    /// Runs it to its end.
    static func run(
        _ arguments: [String], _ environment: [String: String]
    ) async throws -> (status: Int32, log: String) {
        let run = try Executable(arguments, environment)
        defer { run.kill() }
        return (try await run.exitStatus(), run.log)
    }

    /// What it has written to standard error.
    var log: String { output.text }

    /// Waits for its end.
    func exitStatus() async throws -> Int32 {
        try await wait("the end") { _ in !process.withLock { $0.isRunning } }
        return process.withLock { $0.terminationStatus }
    }

    /// Asks it to stop.
    func terminate() { process.withLock { $0.terminate() } }

    /// Ends it where it has not ended.
    func kill() {
        process.withLock { process in
            if process.isRunning { _ = Glibc.kill(process.processIdentifier, SIGKILL) }
        }
    }

    /// Waits until a condition on its output holds.
    func wait(_ what: String, until condition: (String) async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + patience
        while try await !condition(log) {
            guard ContinuousClock.now < deadline else { throw TimedOut(what: what, log: String(log.suffix(4000))) }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// The value of a metric without labels; nil where there is none.
    func metric(_ name: String) async throws -> String? {
        let address = try #require(environment["FLORIN_ADMIN_LISTEN"])
        let url = try #require(URL(string: "http://\(address)/metrics"))
        let curl = Process()
        curl.executableURL = URL(filePath: "/usr/bin/curl")
        curl.arguments = ["--silent", "--max-time", "60", "--noproxy", "*", url.absoluteString]
        let output = Pipe()
        curl.standardOutput = output
        try curl.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        curl.waitUntilExit()
        return text.split(separator: "\n").first { $0.hasPrefix(name + " ") }.map {
            String($0.dropFirst(name.count + 1))
        }
    }

    struct TimedOut: Error {
        let what: String
        let log: String
    }
}
