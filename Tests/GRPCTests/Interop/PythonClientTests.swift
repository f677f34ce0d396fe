import EventLoop
import Testing

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
}
