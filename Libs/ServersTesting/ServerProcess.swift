import Dispatch
import Foundation
import Synchronization

/// Why a test server could not do what a test asked for.
package struct TestServerError: Error, CustomStringConvertible {
    /// What went wrong, with the end of the server's log where that helps.
    package let description: String
}

/// `scripts/stack servers`, which owns the real servers: it ends them and removes their data when its standard input
/// closes, so also when the test process dies.
///
/// Commands are lines; each is answered by one line of JSON, in order, on a queue that may block.
// Sendable: everything that changes is used on `queue` alone.
final class ServerProcess: @unchecked Sendable {
    /// Starting a broker on a busy machine takes long; a healthy one is back in a few seconds.
    private static let answerTimeout: Duration = .seconds(180)

    private let queue = DispatchQueue(label: "florin.test-servers")
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var buffer: [UInt8] = []
    private var isStopped = false

    /// Starts the servers that the arguments name and waits for them.
    ///
    /// - Returns: the process, and its first line: where the servers are.
    static func start(_ arguments: [String]) async throws -> (process: ServerProcess, description: [String: String]) {
        let server = ServerProcess()
        return (server, try await server.onQueue { try server.launch(arguments) })
    }

    /// Sends a command and returns the answer's text members.
    @discardableResult
    func command(_ words: String...) async throws -> [String: String] { try await command(words: words) }

    /// Sends a command of these words and returns the answer's text members.
    @discardableResult
    func command(words: [String]) async throws -> [String: String] {
        let line = words.map(ServerProcess.quoted).joined(separator: " ")
        return try await onQueue {
            if self.isStopped { throw TestServerError(description: "the servers are stopped") }
            try self.input.fileHandleForWriting.write(contentsOf: Data("\(line)\n".utf8))
            return try self.readAnswer(to: line)
        }
    }

    /// Ends the servers and removes their data.
    func stop() async throws {
        try await onQueue {
            if self.isStopped { return }
            self.isStopped = true
            try self.input.fileHandleForWriting.close()
            self.process.waitUntilExit()
        }
    }

    private func launch(_ arguments: [String]) throws -> [String: String] {
        process.executableURL = ServerProcess.packageRoot.appending(path: "scripts/stack")
        process.arguments = ["servers"] + arguments
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        return try readAnswer(to: "start")
    }

    private func readAnswer(to command: String) throws -> [String: String] {
        let line = try readLine(command)
        guard let answer = try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any] else {
            throw TestServerError(description: "\(command): not an object")
        }
        guard answer["ok"] as? Bool == true else {
            throw TestServerError(description: "\(command): \(answer["error"] as? String ?? "failed")")
        }
        return answer.compactMapValues { $0 as? String }
    }

    private func readLine(_ command: String) throws -> [UInt8] {
        let deadline = ContinuousClock.now + ServerProcess.answerTimeout
        let descriptor = output.fileHandleForReading.fileDescriptor
        while true {
            if let end = buffer.firstIndex(of: 0x0A) {
                let line = Array(buffer[..<end])
                buffer.removeSubrange(...end)
                return line
            }
            var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            if unsafe poll(&watched, 1, 200) > 0 {
                let data = output.fileHandleForReading.availableData
                if data.isEmpty { throw TestServerError(description: "\(command): scripts/stack has ended") }
                buffer += data
            }
            if ContinuousClock.now > deadline { throw TestServerError(description: "\(command): no answer in time") }
        }
    }

    private func onQueue<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result(catching: body)) }
        }
    }

    /// A word as a POSIX shell would read it back.
    private static func quoted(_ word: String) -> String {
        "'" + word.replacing("'", with: "'\"'\"'").replacing("\n", with: " ") + "'"
    }

    /// The folder of Package.swift: found from this source file, through links.
    private static var packageRoot: URL {
        URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
    }

    /// A name that no other test has.
    static func uniqueName() -> String {
        "test_" + UUID().uuidString.replacing("-", with: "").lowercased()
    }
}
