import Chronology
import Contracts
import HTTPServer
import HTTPTesting
import Testing
import TestKit

@testable import GatewayAPI

/// The access log: one line for each request, whoever answers it.
@Suite(.timeLimit(.minutes(5))) struct AccessLogTests {
    /// What is sent on a connection of its own, and what is written of it; the answer's length is left out.
    struct Case: Sendable, CustomStringConvertible {
        let request: String
        let line: String

        init(_ request: String, _ line: String) {
            self.request = request
            self.line = line
        }

        var description: String { request.prefix(60).debugDescription }
    }

    private static func head(_ line: String, _ fields: String = "") -> String {
        "\(line) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\(fields)\r\n"
    }

    private static let cases: [Case] = [
        Case(head("GET /"), "GET / 200 0 HTTP/1.1"),
        Case(head("GET /problems/not_found"), "GET /problems/{code} 200 0 HTTP/1.1"),
        Case("GET / HTTP/1.0\r\n\r\n", "GET / 200 0 HTTP/1.0"),
        Case(head("GET /nowhere/at/all?q=1"), "GET none 404 0 HTTP/1.1 not_found"),
        Case(head("GET /v1/expenses/1?q=1"), "GET /v1/expenses/{id} 401 0 HTTP/1.1 unauthenticated"),
        Case(head("OPTIONS /v1/expenses"), "OPTIONS /v1/expenses 204 0 HTTP/1.1"),
        Case(head("PUT /v1/expenses"), "other /v1/expenses 405 0 HTTP/1.1 method_not_allowed"),
        Case(
            head("POST /v1/auth/login", "Content-Type: application/json\r\nContent-Length: 2\r\n") + "{}",
            "POST /v1/auth/login 422 2 HTTP/1.1 validation_failed"),
        Case(head("BREW /v1/expenses"), "other none 501 0 not_implemented unknownMethod"),
        Case("nonsense\r\n\r\n", "other none 400 0 malformed_http malformedRequestLine"),
        Case(
            head("GET /", "X: \(String(repeating: "x", count: 17000))\r\n"),
            "other none 431 0 headers_too_large headersTooLarge"),
        Case(
            head("GET /\(String(repeating: "x", count: 9000))"), "other none 414 0 target_too_long requestLineTooLong"),
        Case(
            head("POST /v1/expenses", "Content-Length: 1048577\r\n"),
            "POST /v1/expenses 413 0 HTTP/1.1 content_too_large bodyTooLarge"),
        Case(
            head("POST /v1/expenses", "Transfer-Encoding: chunked\r\n") + "2\r\nab\r\nx\r\n",
            "POST /v1/expenses 400 2 HTTP/1.1 malformed_http malformedChunk"),
    ]

    private static let slow: [Case] = [
        Case(head("GET /").dropLast(2) + "", "other none 408 0 request_timeout headTimeout"),
        Case(
            head("PATCH /nowhere", "Content-Length: 2\r\n") + "a",
            "PATCH none 408 1 HTTP/1.1 request_timeout bodyTimeout"),
    ]

    @Test func eachRequestIsALine() async throws {
        try await GatewayBench.run { bench in
            for request in Self.cases { try await Self.check(request, bench) }
        }
    }

    @Test func eachThatComesTooSlowlyIsALine() async throws {
        try await GatewayBench.run({
            $0.server = { server in
                server.headTimeout = .milliseconds(300)
                server.bodyTimeout = .milliseconds(300)
            }
        }) { bench in
            for request in Self.slow { try await Self.check(request, bench) }
        }
    }

    private static func check(_ request: Case, _ bench: GatewayBench) async throws {
        let before = try bench.accessLog().count
        var answer = ""
        // Where the first byte is late too, on a busy machine, a connection ends without a word, and without a line.
        while answer.isEmpty {
            #expect(try bench.accessLog().count == before, "\(request)")
            answer = try await SocketClient.exchange(request.request, with: bench.address)
        }
        let written = try bench.accessLog().dropFirst(before)
        #expect(written.count == 1, "\(request)")
        let line = try #require(written.first)
        let words = "\(line.method) \(line.route) \(line.status) \(line.received)"
        let more = [line.httpVersion, line.code, line.rule, line.dependency].compactMap(\.self)
        #expect(([words] + more).joined(separator: " ") == request.line)
        let id = answer.firstMatch(of: /X-Request-Id: ([^\r]*)/)?.1
        #expect(id.map(String.init) == line.requestID, "\(request)")
        let body = answer.firstRange(of: "\r\n\r\n").map { answer[$0.upperBound...].utf8.count }
        #expect(line.sent == body && line.aborted == nil, "\(request)")
        #expect(line.duration >= (line.status == 408 ? 300 : 0), "\(request)")
        // What could not be read has no place in a trace.
        #expect((line.trace != nil) == (line.httpVersion != nil), "\(request)")
    }

    @Test func aConnectionTooManyIsALine() async throws {
        try await GatewayBench.run({ $0.server = { $0.maxConnectionsPerAddress = 1 } }) { bench in
            let first = try SocketClient(bench.address)
            try await eventually("it is served") { bench.server.statistics.connections == 1 }
            #expect(try await SocketClient(bench.address).receiveAll().hasPrefix("HTTP/1.1 503"))
            let line = try #require(try bench.accessLog().first)
            #expect(line.summary == "other none 503 0/\(line.sent) overloaded tooManyConnections")
            withExtendedLifetime(first) {}
        }
    }

    /// The names under which a request is found again: its own, its trace's, its user's.
    @Test(arguments: [[], ["--http2-prior-knowledge"]])
    func aLineNamesTheRequest(_ protocolOptions: [String]) async throws {
        try await GatewayBench.run { bench in
            bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) in ExpenseList() }
            let user = UUIDv7.make()
            let token = try bench.tokens.make(user: user)
            let answer = try await curl(
                protocolOptions + [
                    "-H", "Authorization: Bearer \(token)", "-H", "X-Request-Id: r-1", "-H",
                    "traceparent: \(TraceTests.parent)", "http://\(bench.address)/v1/expenses?limit=5",
                ])
            let line = try #require(try bench.accessLog().first)
            let version = protocolOptions.isEmpty ? "HTTP/1.1" : "HTTP/2"
            #expect(line.summary == "GET /v1/expenses 200 0/\(answer.output.utf8.count) \(version)")
            #expect(line.requestID == "r-1" && line.trace == TraceTests.trace && line.user == user.description)
        }
    }

    @Test func aServiceThatIsToBlameIsNamed() async throws {
        try await GatewayBench.run({ $0.missing = ["expense"] }) { bench in
            _ = try await bench.send("GET", "/v1/expenses", token: bench.tokens.make())
            let line = try #require(try bench.accessLog().first)
            #expect(line.summary == "GET /v1/expenses 503 0/\(line.sent) HTTP/1.1 service_unavailable expense")
        }
    }

    @Test func aClientThatDoesNotWaitIsALine() async throws {
        try await GatewayBench.run { bench in
            let (asked, isAsked) = AsyncStream.makeStream(of: Void.self)
            bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) -> ExpenseList in
                isAsked.finish()
                try await Task.sleep(for: .seconds(600))
                return ExpenseList()
            }
            let client = try SocketClient(bench.address)
            try await client.send(bench.request("GET", "/v1/expenses", token: bench.tokens.make()))
            for await _ in asked {}
            client.leave()
            try await eventually("it is written down") { try !bench.accessLog().isEmpty }
            let line = try #require(try bench.accessLog().first)
            #expect(line.status == 499 && line.aborted == true && line.route == "/v1/expenses")
            #expect(bench.metrics.render().contains(#"route="/v1/expenses",status="499"} 1"#))
        }
    }

    /// A stream is written down at its end, with its length; the histogram has the time to its beginning.
    @Test(arguments: [false, true]) func aStreamIsALineAtItsEnd(_ leaves: Bool) async throws {
        try await GatewayBench.run { bench in
            let user = UUIDv7.make()
            let client = try SocketClient(bench.address)
            try await client.send(bench.request("GET", "/v1/events/stream", token: bench.tokens.make(user: user)))
            let opening = ": connected\n\n"
            _ = try await client.receive(until: opening)
            #expect(try bench.accessLog().isEmpty)
            let metrics = bench.metrics.render()
            #expect(
                metrics.contains(#"florin_http_requests_total{method="GET",route="/v1/events/stream",status="200"} 1"#))
            #expect(metrics.contains(#"florin_http_request_seconds_count{method="GET",route="/v1/events/stream"} 1"#))
            #expect(metrics.contains("florin_http_requests_in_flight 0\n") && metrics.contains("florin_streams 1\n"))
            try await bench.publish("florin.expense.expense_created.v1", user: user)
            let event = try await client.receive(until: "\"n\"") + client.receive(until: "\n\n")
            if leaves { client.leave() } else { bench.streams.end(allOf: user.description) }
            try await eventually("it is written down") { try !bench.accessLog().isEmpty }
            let line = try #require(try bench.accessLog().first)
            let tail = event.firstRange(of: "\r\n").map { event[$0.upperBound...].utf8.count } ?? 0
            #expect(line.sent >= opening.utf8.count + tail)
            #expect(line.status == 200 && line.user == user.description && (line.aborted == true) == leaves)
            #expect(try bench.accessLog().count == 1)
        }
    }
}

extension GatewayBench {
    /// The access log so far.
    func accessLog() throws -> [AccessLogLine] { try AccessLogLine.all(in: log.all) }
}
