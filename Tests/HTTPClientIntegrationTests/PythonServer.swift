import Foundation
import Testing
import TestKit

/// `Tests/Interop/http/http_server.py`.
final class PythonServer: Sendable {
    private struct Greeting: Decodable { let port: Int }

    let port: Int
    private let process: Process
    private let input: Pipe

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
        let (process, input, output) = (Process(), Pipe(), Pipe())
        process.executableURL = URL(filePath: try Python.interpreter())
        process.arguments = Python.arguments("http/http_server.py", arguments)
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
