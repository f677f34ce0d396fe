import Chronology
import Foundation
import ServersTesting
import Testing
import Tokens

/// What live streams cost the program, read from the system while a client that shares no code with it holds them.
@Suite(.serialized, .timeLimit(.minutes(10))) struct StreamMemoryTests {
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
        let gateway = try RunningGateway(backend.environment(), descriptors: 256)
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
}
