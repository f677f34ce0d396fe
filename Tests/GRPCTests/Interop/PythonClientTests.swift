import EventLoop
import Testing
import TestKit

@testable import GRPC

/// Stock grpcio calls our server.
@Suite struct PythonClientTests {
    @Test func everyCheckOfTheStockClientPasses() async throws {
        try await Harness.run { harness in
            let client = try PythonProcess("echo_client.py", [harness.address.description])
            let (output, status) = try await client.readToEnd()
            let lines = output.split(separator: "\n").map(String.init)
            let failures = lines.filter { $0.hasPrefix("FAIL") }
            #expect(failures == [])
            #expect(status == 0)
            #expect(lines.last == "22 checks")
            #expect(lines.filter { $0.hasPrefix("ok ") }.count == 22)
        }
    }

    /// Our GOAWAY, as stock grpcio understands it: calls under way end well, later ones wait for the next server.
    @Test func restartsLoseNoCallOfTheStockClient() async throws {
        try await Harness.run { harness in
            let client = try PythonProcess("restart_client.py", [harness.address.description])
            let first = try await client.readLine()
            #expect(first == "calling")
            var server = harness.server
            for _ in 0..<3 {
                await server.shutdown(grace: patience)
                let echo = EchoService(loop: harness.loop)
                server = GRPCServer(
                    loop: harness.loop, configuration: .init(address: harness.address), services: [echo],
                    logger: .silent)
                _ = try await server.start()
                try await eventually("the client has come back") { echo.sleeping.load(ordering: .relaxed) > 0 }
            }
            try client.closeInput()
            let summary = try await client.readLine()
            #expect(summary.hasSuffix(" good, 0 bad"))
            try await client.waitUntilExit()
            await server.shutdown(grace: .zero)
        }
    }
}
