import EventLoop
import Foundation
import HTTPServer
import HTTPTesting
import Testing
import TestKit

/// The server as seen by a client that we did not write.
@Suite struct CurlTests {
    @Test func getsOverOneConnection() async throws {
        try await ServerFixture.run { fixture in
            let base = "http://\(fixture.address)"
            let result = try await curl([
                "-w", "|%{http_code} %{num_connects}|", "\(base)/", "\(base)/hop", "\(base)/pieces",
            ])
            #expect(result.status == 0)
            #expect(result.output.hasPrefix("Hello|200 1|hopped true|200 0|one two three"))
            #expect(result.output.hasSuffix("...|200 0|"))
            #expect(fixture.server.statistics.requests == 3)
        }
    }

    @Test func postsWithExpectationAndInChunks() async throws {
        try await ServerFixture.run { fixture in
            let body = String(repeating: "0123456789", count: 50_000)
            let file = FileManager.default.temporaryDirectory.appendingPathComponent("curl-\(UUID()).txt")
            try body.write(to: file, atomically: true, encoding: .utf8)
            defer { try? FileManager.default.removeItem(at: file) }
            for header in ["Expect: 100-continue", "Transfer-Encoding: chunked"] {
                let result = try await curl([
                    "-H", header, "--data-binary", "@\(file.path)", "http://\(fixture.address)/echo",
                ])
                #expect(result.status == 0)
                #expect(result.output == body, "with \(header)")
            }
        }
    }

    @Test func asksForTheHead() async throws {
        try await ServerFixture.run { fixture in
            let result = try await curl(["-I", "http://\(fixture.address)/"])
            #expect(result.status == 0)
            #expect(result.output.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(result.output.contains("Content-Length: 5\r\n"))
        }
    }

    @Test func readsAnEventStreamUntilTheDrain() async throws {
        try await ServerFixture.run { fixture in
            async let reading = curl(["-N", "http://\(fixture.address)/events"])
            try await eventually("it streams") { fixture.events.has("streaming") }
            await fixture.server.drain(deadline: .seconds(60))
            let result = try await reading
            #expect(result.status == 0)
            #expect(result.output == "data: first\n\n")
        }
    }
}
