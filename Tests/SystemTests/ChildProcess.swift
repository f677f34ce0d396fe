internal import Foundation
internal import Glibc
internal import Synchronization

/// How long anything may take: builds and other tests may hold the machine.
let patience = Duration.seconds(180)

/// A condition that did not come to hold in time.
struct TimedOut: Error, CustomStringConvertible {
    let description: String
}

/// Waits until a condition holds.
func wait(for what: String, within limit: Duration = patience, until condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw TimedOut(description: "waited in vain for \(what)") }
        try await Task.sleep(for: .milliseconds(100))
    }
}

/// A child process whose output goes to a file.
final class ChildProcess: Sendable {
    private let process: Mutex<Process>
    private let file: URL

    /// Starts it; standard output and standard error go to the file.
    init(_ program: URL, _ arguments: [String], environment: [String: String], output file: URL) throws {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        try Data().write(to: file)
        let handle = try FileHandle(forWritingTo: file)
        process.standardOutput = handle
        process.standardError = handle
        try process.run()
        try handle.close()
        self.process = Mutex(process)
        self.file = file
    }

    var isRunning: Bool { process.withLock { $0.isRunning } }

    /// What it has printed so far.
    func output() throws -> String { String(decoding: try Data(contentsOf: file), as: UTF8.self) }

    func send(_ signal: Int32) {
        process.withLock { if $0.isRunning { _ = kill($0.processIdentifier, signal) } }
    }

    /// Waits for its end.
    func exitStatus(within limit: Duration = patience) async throws -> Int32 {
        try await wait(for: "the end of a process", within: limit) { !isRunning }
        return process.withLock { $0.terminationStatus }
    }
}

/// Whether there is a process of that number which has not ended.
func isAlive(_ pid: Int32) -> Bool {
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
        let state = text.split(separator: ")").last?.split(separator: " ").first
    else { return false }
    return state != "Z" && state != "X"
}
