import Foundation
import Testing

/// Runs other programs.
enum Command {
    /// Runs a program to its end with this standard input; standard error is the test's own.
    static func run(
        _ path: String, _ arguments: [String], input: String = "", in environment: [String: String]? = nil
    ) async throws -> (output: String, status: Int32) {
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        if let environment { process.environment = environment }
        let (standardInput, standardOutput) = (Pipe(), Pipe())
        process.standardInput = standardInput
        process.standardOutput = standardOutput
        try process.run()
        let (writing, reading) = (standardInput.fileHandleForWriting, standardOutput.fileHandleForReading)
        // Both at a time: neither side waits for a full pipe. Foundation's calls block, which no task's thread may.
        async let written: Void = onThread {
            try writing.write(contentsOf: Data(input.utf8))
            try writing.close()
        }
        let output = try await onThread { String(decoding: try reading.readToEnd() ?? Data(), as: UTF8.self) }
        try await written
        try await eventually("the end of \(path)") { !process.isRunning }
        return (output, process.terminationStatus)
    }

    static func onThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
        }
    }
}

/// The programs of `Tests/Interop/services`, run by the interpreter that has grpcio, cloudevents and jsonschema: `$FLORIN_PYTHON`,
/// or `.venv/bin/python` at the package's root, which `scripts/python-venv` makes.
enum Python {
    /// The folder of Package.swift: found from this source file, through links.
    static let root = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static func interpreter() throws -> String {
        let path =
            ProcessInfo.processInfo.environment["FLORIN_PYTHON"] ?? root.appending(path: ".venv/bin/python").path
        try #require(
            FileManager.default.isExecutableFile(atPath: path),
            "no Python with grpcio at \(path): run scripts/python-venv or set FLORIN_PYTHON")
        return path
    }

    static func arguments(_ script: String, _ arguments: [String]) -> [String] {
        ["-B", "-u", root.appending(path: "Tests/Interop/services/\(script)").path] + arguments
    }

    /// Runs a script to its end.
    static func run(_ script: String, _ given: [String] = [], input: String) async throws -> (
        lines: [String], status: Int32
    ) {
        let (output, status) = try await Command.run(try interpreter(), arguments(script, given), input: input)
        return (output.split(separator: "\n").map(String.init), status)
    }
}
