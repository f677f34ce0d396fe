import Foundation
import Testing

/// `Tests/Interop/http/http_server.py`, run by the Python of the tests: `$FLORIN_PYTHON`, or the one of `scripts/python-venv`.
final class PythonServer: Sendable {
    struct Failure: Error, CustomStringConvertible { let description: String }

    private struct Greeting: Decodable { let port: Int }

    let port: Int
    private let process: Process
    private let input: Pipe

    private static let root = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Starts a server, gives it to `body`, stops it, also on failure.
    static func running(_ arguments: [String] = [], body: (PythonServer) async throws -> Void) async throws {
        let server = try PythonServer(arguments)
        let result: Result<Void, any Error>
        do { result = .success(try await body(server)) } catch { result = .failure(error) }
        try server.input.fileHandleForWriting.close()
        server.process.waitUntilExit()
        try result.get()
    }

    private init(_ arguments: [String]) throws {
        let named = ProcessInfo.processInfo.environment["FLORIN_PYTHON"].map { URL(filePath: $0) }
        let interpreter = named ?? Self.root.appending(path: ".venv/bin/python")
        guard FileManager.default.isExecutableFile(atPath: interpreter.path) else {
            throw Failure(description: "no Python for the tests: run scripts/python-venv or set FLORIN_PYTHON")
        }
        let (process, input, output) = (Process(), Pipe(), Pipe())
        process.executableURL = interpreter
        process.arguments =
            ["-u", "-B", Self.root.appending(path: "Tests/Interop/http/http_server.py").path] + arguments
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var line = Data()
        while let byte = try output.fileHandleForReading.read(upToCount: 1)?.first, byte != UInt8(ascii: "\n") {
            line.append(byte)
        }
        port = try JSONDecoder().decode(Greeting.self, from: line).port
        self.process = process
        self.input = input
    }

    func url(_ path: String, scheme: String = "http") -> String { "\(scheme)://127.0.0.1:\(port)\(path)" }
}
