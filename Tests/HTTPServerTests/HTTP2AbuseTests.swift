import HTTPServer
import HTTPTesting
import Testing
import TestKit

/// What a hostile client of HTTP/2 may try, by frames that another library makes.
@Suite(.timeLimit(.minutes(5))) struct HTTP2AbuseTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var scenario: String
        /// Endings that are right; a flood may find the connection reset before it reads the GOAWAY.
        var endings: Set<String>

        init(_ scenario: String, _ endings: Set<String>) {
            self.scenario = scenario
            self.endings = endings
        }

        var testDescription: String { scenario }
    }

    @Test(arguments: [
        Case("settings_flood", ["goaway 11", "closed"]),
        Case("ping_flood", ["goaway 11", "closed"]),
        Case("priority_flood", ["goaway 11", "closed"]),
        Case("empty_data_flood", ["goaway 11", "closed"]),
        Case("rapid_reset", ["goaway 2", "goaway 11", "closed"]),
        Case("continuation_flood", ["goaway 1", "goaway 2", "goaway 11", "closed"]),
        Case("endless_head", ["goaway 11", "closed"]),
        Case("endless_body", ["status 408", "reset 0 after 408"]),
        Case("no_window", ["reset 8 after 200"]),
        Case("no_reading", ["closed"]),
        Case("garbage", ["goaway 1", "goaway 6", "closed"]),
        Case("window_overflow", ["goaway 3"]),
        Case("too_many_streams", ["reset 7 after None", "goaway 1"]),
        Case("large_body", ["status 413", "reset 0 after 413"]),
        Case("announced_body", ["status 413", "reset 0 after 413"]),
    ])
    func isBounded(_ test: Case) async throws {
        try await ServerFixture.run({
            // For the endless head alone; a client that has just been started may be slow to begin.
            $0.headTimeout = .seconds(6)
            $0.bodyTimeout = .milliseconds(500)
            $0.writeTimeout = .milliseconds(500)
            $0.controlFrameBurst = 500
            $0.controlFramesPerSecond = 50
            $0.bodyLimit = { _ in 10_000 }
        }) { fixture in
            let result = try await Python.run("http2/frames.py", ["\(fixture.address.port)", test.scenario])
            let ending = result.output.split(separator: "\n").last.map(String.init) ?? ""
            #expect(test.endings.contains(ending), "\(result.output)")
            // Nobody else notices, and nothing is left.
            let other = try await curl(["--http2-prior-knowledge", "http://\(fixture.address)/"])
            #expect(other.output == "Hello")
            try await eventually("its connection is gone") { fixture.server.statistics.connections == 0 }
            try await eventually("its handlers are gone") { fixture.server.statistics.active == 0 }
        }
    }

    /// Malformed requests: RFC 9113 section 8.1.1 has them reset, those that HTTP/1.1 could say too have the same status.
    @Test func malformedRequests() async throws {
        try await ServerFixture.run { fixture in
            let result = try await Python.run("http2/frames.py", ["\(fixture.address.port)", "malformed"])
            var outcomes: [String: String] = [:]
            for line in result.output.split(separator: "\n") {
                let parts = line.split(separator: ": ", maxSplits: 1)
                if parts.count == 2 { outcomes[String(parts[0])] = String(parts[1]) }
            }
            for (name, outcome) in malformedHTTP2Requests + [("in order", "status 200")] {
                #expect(outcomes[name]?.hasPrefix(outcome) == true, "\(name): \(outcomes[name] ?? result.output)")
            }
            #expect(outcomes.count == malformedHTTP2Requests.count + 1)
        }
    }
}

/// Requests of HTTP/2 that are refused, by the names of `Tests/Interop/http2/frames.py`, with how.
let malformedHTTP2Requests: [(name: String, outcome: String)] = [
    ("no path", "reset 1"),
    ("no method", "reset 1"),
    ("no scheme", "reset 1"),
    ("upper case", "reset 1"),
    ("connection", "reset 1"),
    ("transfer-encoding", "reset 1"),
    ("te", "reset 1"),
    ("two paths", "reset 1"),
    ("late pseudo", "reset 1"),
    ("unknown pseudo", "reset 1"),
    ("control byte", "reset 1"),
    ("line feed", "reset 1"),
    ("NUL", "reset 1"),
    ("length too long", "reset 1"),
    ("two lengths", "reset 1"),
    ("bad length", "reset 1"),
    ("absolute path", "reset 1"),
    ("empty path", "reset 1"),
    ("relative path", "reset 1"),
    ("asterisk", "reset 1"),
    ("two hosts", "reset 1"),
    ("no host", "reset 1"),
    ("fragment", "status 400"),
    ("bad encoding", "status 400"),
    ("encoded NUL", "status 400"),
    ("other host", "status 400"),
    ("unknown method", "status 501"),
    ("connect", "status 501"),
    ("expectation", "status 417"),
    ("long path", "status 414"),
    ("longer path", "status 414"),
    ("long field", "status 431"),
    ("longer field", "status 431"),
    ("many fields", "status 431"),
]
