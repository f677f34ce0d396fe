import Foundation
import Synchronization
import Testing
import TestKit

/// A Python program of `Tests/Interop/grpc`, with grpcio.
struct PythonProcess {
    struct Failure: Error, CustomStringConvertible { let description: String }

    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()

    init(_ script: String, _ arguments: [String]) throws {
        process.executableURL = URL(filePath: try Python.interpreter())
        process.arguments = Python.arguments("grpc/\(script)", arguments)
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
