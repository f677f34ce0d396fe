import EventLoop
import Foundation
import HTTPServer
import HTTPTesting
import Testing
import TestKit

/// HTTP/2 as seen by clients that we did not write, on the same handlers as HTTP/1.1.
@Suite(.timeLimit(.minutes(5))) struct HTTP2ServerTests {
    private static let plain = ["--http2-prior-knowledge"]

    @Test(arguments: [
        ("/", "Hello|2 200"), ("/hop", "hopped true|2 200"), ("/empty", "|2 204"), ("/nowhere?a=b", "Hello|2 200"),
    ])
    func answers(_ path: String, _ expected: String) async throws {
        try await ServerFixture.run { fixture in
            let url = "http://\(fixture.address)\(path)"
            let result = try await curl(Self.plain + ["-w", "|%{http_version} %{http_code}", url])
            #expect(result.status == 0 && result.output == expected)
            #expect(fixture.server.statistics.requests == 1)
        }
    }

    @Test func streamsPieces() async throws {
        try await ServerFixture.run { fixture in
            let result = try await curl(Self.plain + ["http://\(fixture.address)/pieces"])
            #expect(result.status == 0)
            #expect(result.output == "one two three" + String(repeating: ".", count: 20_000))
        }
    }

    @Test func postsWithExpectationAndWithoutALength() async throws {
        try await ServerFixture.run { fixture in
            let body = String(repeating: "0123456789", count: 50_000)
            let file = FileManager.default.temporaryDirectory.appendingPathComponent("h2-\(UUID()).txt")
            try body.write(to: file, atomically: true, encoding: .utf8)
            defer { try? FileManager.default.removeItem(at: file) }
            for header in ["Expect: 100-continue", "Content-Length:"] {
                let result = try await curl(
                    Self.plain + ["-H", header, "--data-binary", "@\(file.path)", "http://\(fixture.address)/echo"])
                #expect(result.status == 0)
                #expect(result.output == body, "with \(header)")
            }
        }
    }

    @Test func answersTheHeadAlone() async throws {
        try await ServerFixture.run { fixture in
            for (path, length) in [("/", "5"), ("/big", "33554432")] {
                let result = try await curl(Self.plain + ["-I", "http://\(fixture.address)\(path)"])
                #expect(result.output.hasPrefix("HTTP/2 200"))
                #expect(result.output.contains("content-length: \(length)\r\n") && result.output.contains("date: "))
            }
            let streamed = try await curl(Self.plain + ["-I", "http://\(fixture.address)/pieces"])
            #expect(streamed.status == 0 && streamed.output.hasPrefix("HTTP/2 200"))
            // For curl a connection is broken where content follows.
            let refused = try await curl(Self.plain + ["-I", "http://\(fixture.address)/%"])
            #expect(refused.status == 0 && refused.output.hasPrefix("HTTP/2 400"), "\(refused)")
            #expect(refused.output.contains("content-length: ") && !refused.output.contains("content-length: 0\r\n"))
        }
    }

    @Test func aLargeResponseArrivesWhole() async throws {
        try await ServerFixture.run { fixture in
            let result = try await curl(
                Self.plain + ["-o", "/dev/null", "-w", "%{size_download}", "http://\(fixture.address)/big"])
            #expect(result.output == "33554432")
        }
    }

    @Test func aStreamThatFailsIsReset() async throws {
        try await ServerFixture.run { fixture in
            let result = try await curl(Self.plain + ["http://\(fixture.address)/broken"])
            #expect(result.status == 92, "\(result)")
        }
    }

    @Test func readsAnEventStreamUntilTheDrain() async throws {
        try await ServerFixture.run { fixture in
            async let reading = curl(Self.plain + ["-N", "http://\(fixture.address)/events"])
            try await eventually("it streams") { fixture.events.has("streaming") }
            await fixture.server.drain(deadline: .seconds(60))
            let result = try await reading
            #expect(result.status == 0)
            #expect(result.output == "data: first\n\n")
        }
    }

    @Test func aClientThatLeavesCancelsItsHandler() async throws {
        try await ServerFixture.run { fixture in
            // Again when the machine was too slow for the handler to begin in time.
            try await eventually("it is cancelled") {
                _ = try await curl(Self.plain + ["--max-time", "1", "http://\(fixture.address)/wait"])
                return fixture.events.has("cancelled")
            }
            try await eventually("the connection is gone") { fixture.server.statistics.connections == 0 }
            try await eventually("no handler runs") { fixture.server.statistics.active == 0 }
        }
    }

    @Test func aHandlerHasADeadline() async throws {
        try await ServerFixture.run({ $0.handlerTimeout = .milliseconds(100) }) { fixture in
            let result = try await curl(Self.plain + ["-i", "http://\(fixture.address)/wait"])
            #expect(result.output.hasPrefix("HTTP/2 503") && result.output.contains("handlerTimeout"))
            try await eventually("it is cancelled") { fixture.events.has("cancelled") }
        }
    }

    @Test func anIdleConnectionIsToldAndCloses() async throws {
        try await ServerFixture.run({ $0.idleTimeout = .milliseconds(100) }) { fixture in
            let client = try SocketClient(fixture.address)
            // The preface in two pieces, empty SETTINGS, and GET / as fields of the static table with the authority "a".
            try await client.send("PRI * HTTP/2.0\r\n\r\n")
            let request: [UInt8] = [0, 0, 6, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84, 0x41, 0x01, 0x61]
            try await client.send(Array("SM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0] + request)
            let all = try await client.receiveAll()
            #expect(all.contains("Hello"))
            try await eventually("it is gone") { fixture.server.statistics.connections == 0 }
            #expect(fixture.server.statistics.requests == 1 && fixture.server.statistics.refused == 0)
        }
    }

    @Test func loadOfManyStreams() async throws {
        try await ServerFixture.run { fixture in
            let result = try await runProgram(
                "/usr/bin/h2load", ["-n", "4000", "-c", "8", "-m", "50", "http://\(fixture.address)/hop"])
            #expect(result.output.contains("4000 succeeded, 0 failed, 0 errored, 0 timeout"), "\(result.output)")
        }
    }

    /// GOAWAY in two steps: what is on its way when the drain begins is still answered.
    @Test func drainLosesNoRequest() async throws {
        try await ServerFixture.run { fixture in
            async let load = runProgram(
                "/usr/bin/h2load", ["-n", "400", "-c", "4", "-m", "10", "http://\(fixture.address)/stubborn"])
            try await eventually("requests are under way") { fixture.server.statistics.active >= 20 }
            await fixture.server.drain(deadline: .seconds(60))
            let output = try await load.output
            let begun = fixture.server.statistics.requests
            // What was begun was answered: what the client could not send any more is counted as not begun.
            #expect(output.contains("\(begun) 2xx, 0 3xx, 0 4xx, 0 5xx"), "\(begun): \(output)")
            #expect(begun >= 20)
        }
    }

    @Test func requestsOfBothProtocolsAreSeenAlike() async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("h2-\(UUID()).txt")
        try Data(count: 2 << 20).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        try await ServerFixture.run({ $0.limits.requestLine = 200 }) { fixture in
            let base = "http://\(fixture.address)/"
            for version in [["--http1.1"], Self.plain] {
                let options = version + ["-o", "/dev/null", "-w", "%{http_code}"]
                let long = try await curl(options + [base + String(repeating: "a", count: 300)])
                #expect(long.output == "414")
            }
            let old = try await curl(["-o", "/dev/null", "-w", "%{http_code}", "-T", file.path, base + "echo"])
            #expect(old.output.hasSuffix("413"))
            // curl takes the reset that follows an early answer for a fault.
            let new = try await runProgram("/usr/bin/nghttp", ["-v", "-d", file.path, base + "echo"])
            #expect(new.output.contains(":status: 413"))
        }
    }
}
