import Foundation
import Synchronization
import Testing

/// A Python program of `Tests/Interop/grpc`, run by the interpreter that has grpcio.
///
/// The interpreter is `$FLORIN_PYTHON`, or `.venv/bin/python` at the package's root, which `scripts/python-venv` makes.
struct PythonProcess {
    struct Failure: Error, CustomStringConvertible { let description: String }

    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()

    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static func interpreter() throws -> URL {
        let named = ProcessInfo.processInfo.environment["FLORIN_PYTHON"].map { URL(filePath: $0) }
        let interpreter = named ?? root.appending(path: ".venv/bin/python")
        guard FileManager.default.isExecutableFile(atPath: interpreter.path) else {
            throw Failure(
                description:
                    "no Python with grpcio at \(interpreter.path): run scripts/python-venv or set FLORIN_PYTHON")
        }
        return interpreter
    }

    init(_ script: String, _ arguments: [String]) throws {
        process.executableURL = try Self.interpreter()
        process.arguments = ["-u", Self.root.appending(path: "Tests/Interop/grpc/\(script)").path] + arguments
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    var processIdentifier: Int32 { process.processIdentifier }

    /// The next line of its output; throws when there is none.
    func readLine() async throws -> String {
        let handle = output.fileHandleForReading
        return try await onThread {
            var line = Data()
            while let byte = try handle.read(upToCount: 1), !byte.isEmpty {
                if byte[byte.startIndex] == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
                line += byte
            }
            throw Failure(description: "the program ended without a line")
        }
    }

    /// All of its output, and its exit status.
    func readToEnd() async throws -> (output: String, status: Int32) {
        let handle = output.fileHandleForReading
        let text = try await onThread {
            String(decoding: try handle.readToEnd() ?? Data(), as: UTF8.self)
        }
        try await waitUntilExit()
        return (text, process.terminationStatus)
    }

    /// Ends its standard input, at which it stops by itself.
    func closeInput() throws { try input.fileHandleForWriting.close() }

    /// Ends its standard input and waits until it has stopped.
    func stop() async throws {
        try closeInput()
        try await waitUntilExit()
    }

    /// Ends it at once, as a crash would.
    func kill() async throws {
        Foundation.kill(process.processIdentifier, SIGKILL)
        try await waitUntilExit()
    }

    func waitUntilExit() async throws {
        try await eventually("the program ends") { !process.isRunning }
        if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
    }

    /// Foundation's reads block, which no task's thread may.
    private func onThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
        }
    }
}
