import Chronology
import Foundation
import ServersTesting
import Testing
import TestKit
import Tokens

/// What live streams and large files cost the program, read from the system while a client that shares no code with it holds them.
@Suite(.serialized, .timeLimit(.minutes(10))) struct MemoryTests {
    /// As `Tests/Interop/streams/idle.py` prints it.
    private struct Report: Decodable {
        let open: Int
        let before: Int
        let after: Int
        let faults: [String]
    }

    private static let root = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    @Test func fiveThousandIdleStreamsTakeLessThanFiftyMegabytes() async throws {
        let key = try RSAPrivateKey.generate()
        let backend = try await Backend(key: key)
        let gateway = try RunningGateway(
            backend.environment().merging(["FLORIN_HTTP_CONNECTIONS_PER_ADDRESS": "6000"]) { $1 }, descriptors: 256)
        defer { gateway.kill() }
        try await eventually("it is ready") { try await gateway.admin("/readyz").status == 200 }
        let tokens = FileManager.default.temporaryDirectory.appending(path: "tokens-\(UUID())")
        defer { try? FileManager.default.removeItem(at: tokens) }
        try (0..<625).map { _ in try Backend.token(key, user: .make()) }.joined(separator: "\n")
            .write(to: tokens, atomically: true, encoding: .utf8)
        let address = gateway.environment["FLORIN_HTTP_LISTEN"] ?? ""
        let output = try await EventReader(
            program: "/usr/bin/python3",
            ["-B", Self.root.appending(path: "Tests/Interop/streams/idle.py").path]
                + [address, "\(gateway.pid)", tokens.path, "5000"]
        ).end(within: .seconds(400))
        let report = try JSONDecoder().decode(Report.self, from: Data(output.utf8))
        #expect(report.open == 5000 && report.faults == [], "\(report)")
        // In KiB; the optimised program takes about as much.
        #expect(report.after - report.before < 50_000_000 / 1024, "\(report)")
        print("5,000 idle streams take \(report.after - report.before) KiB")
        gateway.terminate()
        #expect(try await gateway.exitStatus() == 0)
        await backend.stop()
    }

    /// A file goes through in one copy, and its memory goes back to the system.
    @Test func aFileIsHeldOnce() async throws {
        let key = try RSAPrivateKey.generate()
        let backend = try await Backend(key: key)
        let gateway = try RunningGateway(backend.environment())
        defer { gateway.kill() }
        try await eventually("it is ready") { try await gateway.admin("/readyz").status == 200 }
        let file = FileManager.default.temporaryDirectory.appending(path: "prices-\(UUID())")
        defer { try? FileManager.default.removeItem(at: file) }
        let size = 8 << 20
        try Data(repeating: UInt8(ascii: "x"), count: size).write(to: file)
        let token = try Backend.token(key, user: .make())
        func send(_ data: String) async throws -> String {
            try await EventReader(
                arguments: [
                    "-H", "Authorization: Bearer \(token)", "-H", "Content-Type: text/plain", "--data-binary", data,
                    "http://\(gateway.environment["FLORIN_HTTP_LISTEN"] ?? "")/v1/prices/imports?format=amfi",
                ]
            ).end(within: .seconds(120))
        }
        #expect(try await send("a little").contains(#""rows":8,"#))
        let before = try gateway.resident()
        let answer = try await send("@\(file.path)")
        #expect(answer.contains("\"rows\":\(size),"))
        let (peak, after) = (try gateway.resident(peak: true), try gateway.resident())
        print("a file of \(size / 1024) KiB: \(peak - before) KiB more at most, \(after - before) afterwards")
        #expect(peak - before < size / 1024 * 7 / 4)
        #expect(after - before < size / 1024 / 3)
        gateway.terminate()
        #expect(try await gateway.exitStatus() == 0)
        await backend.stop()
    }
}
