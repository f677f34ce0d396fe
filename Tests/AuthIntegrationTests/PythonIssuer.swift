import Foundation
import Synchronization
import Testing
import TestKit

/// `Tests/Interop/oidc/issuer.py`.
final class PythonIssuer: Sendable {
    let url: String
    private let process: Process
    private let pipes: Mutex<(input: Pipe, output: Pipe)>

    /// Starts an issuer, gives it to `body`, stops it, also on failure.
    static func running(_ body: (PythonIssuer) async throws -> Void) async throws {
        let issuer = try PythonIssuer()
        let result: Result<Void, any Error>
        do { result = .success(try await body(issuer)) } catch { result = .failure(error) }
        try issuer.pipes.withLock { try $0.input.fileHandleForWriting.close() }
        issuer.process.waitUntilExit()
        try result.get()
    }

    private init() throws {
        let (process, input, output) = (Process(), Pipe(), Pipe())
        process.executableURL = URL(filePath: try Python.interpreter())
        process.arguments = Python.arguments("oidc/issuer.py")
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        url = try #require(try Self.object(Self.line(of: output))["url"] as? String)
        self.process = process
        pipes = Mutex((input, output))
    }

    /// A token, sound but for the claims given; `NSNull` leaves one out.
    func token(_ claims: [String: Any] = [:], by signer: String = "issuer", kid: String? = nil) throws -> String {
        var order: [String: Any] = ["do": "mint", "claims": claims, "by": signer]
        order["kid"] = kid
        return try #require(try obey(order)["token"] as? String)
    }

    func rotate() throws { _ = try obey(["do": "rotate"]) }

    func set(_ name: String, _ value: Any) throws { _ = try obey(["do": "set", name: value]) }

    /// How often its keys were asked for.
    func keyRequests() throws -> Int { try obey(["do": "counts"])["keys"] as? Int ?? 0 }

    private func obey(_ order: [String: Any]) throws -> [String: Any] {
        let line = try JSONSerialization.data(withJSONObject: order) + Data([UInt8(ascii: "\n")])
        let answer = try pipes.withLock { pipes in
            try pipes.input.fileHandleForWriting.write(contentsOf: line)
            return try Self.line(of: pipes.output)
        }
        return try Self.object(answer)
    }

    private static func line(of pipe: Pipe) throws -> Data {
        var line = Data()
        while let byte = try pipe.fileHandleForReading.read(upToCount: 1)?.first, byte != UInt8(ascii: "\n") {
            line.append(byte)
        }
        return line
    }

    private static func object(_ line: Data) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: line) as? [String: Any])
    }
}
