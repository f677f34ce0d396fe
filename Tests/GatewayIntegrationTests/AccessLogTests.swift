import Chronology
import EventLoop
import Foundation
import HTTPTesting
import ServersTesting
import enum TestKit.Python
import Testing
import TestKit
import Tokens

/// What the program writes of requests that hold personal data in every place where a request can hold something.
@Suite(.timeLimit(.minutes(5))) struct AccessLogTests {
    private let key: RSAPrivateKey

    init() throws { key = try RSAPrivateKey.generate() }

    /// None of it is to be found in a log or a metric.
    private static let personal = [
        "ada@example.org", "ada%40example", "Lovelace", "my-password", "my-note", "192.0.2.77", "2001:db8::7",
        "my-secret",
        "my-device",
    ]

    /// Fields that hold it.
    private static let fields = [
        "User-Agent: my-device ada@example.org", "Referer: https://example.org/?mail=ada@example.org",
        "From: ada@example.org", "Cookie: session=my-secret", "X-Forwarded-For: 192.0.2.77, 2001:db8::7",
        "Forwarded: for=192.0.2.77", "X-Request-Id: ada@example.org", "traceparent: ada@example.org",
        "tracestate: vendor=ada@example.org", "Idempotency-Key: ada@example.org", "If-None-Match: \"ada@example.org\"",
        "If-Match: \"ada@example.org\"", "Last-Event-ID: ada@example.org", "Accept-Language: my-note",
        "Origin: https://ada@example.org", "X-Lovelace: Lovelace",
    ]

    private static let body =
        #"{"email":"ada@example.org","password":"my-password","display_name":"Ada Lovelace","note":"my-note"}"#

    /// Requests with it in their targets, fields and bodies; the last ones are no HTTP.
    private static func requests(_ token: String) -> [(text: String, line: String)] {
        let bearer = "Authorization: Bearer \(token)"
        func request(_ line: String, _ more: [String], _ body: String = "") -> String {
            var lines = ["\(line) HTTP/1.1", "Host: ada.example.org", "Connection: close"] + fields + more
            if !body.isEmpty { lines += ["Content-Type: application/json", "Content-Length: \(body.utf8.count)"] }
            return lines.joined(separator: "\r\n") + "\r\n\r\n" + body
        }
        return [
            (request("GET /v1/expenses?cursor=ada%40example.org", [bearer]), "GET /v1/expenses 200"),
            (request("GET /v1/expenses/ada@example.org?q=my-note", [bearer]), "GET /v1/expenses/{id} 400"),
            (request("GET /ada@example.org/192.0.2.77?my-secret", [bearer]), "GET none 404"),
            (request("PUT /v1/expenses?q=my-note", [bearer], body), "other /v1/expenses 405"),
            (request("POST /v1/auth/login", ["Authorization: Basic my-secret"], body), "POST /v1/auth/login 400"),
            (request("GET /verify?token=my-secret", []), "GET /verify 200"),
            (request("GET /v1/expenses", ["Authorization: Bearer my-secret"]), "GET /v1/expenses 401"),
            (request("LOVELACE /ada@example.org", []), "other none 501"),
            (request("GET /ada@example.org", ["ada@example.org: x"]), "other none 400"),
            (
                request("GET /v1/expenses?q=my-note", ["X: \(String(repeating: "my-note ", count: 3000))"]),
                "other none 431"
            ),
            (request("POST /v1/expenses?q=my-note", ["Content-Length: 9999999"]), "POST /v1/expenses 413"),
            (
                request("POST /v1/expenses?q=my-note", ["Transfer-Encoding: chunked"]) + "my-note\r\n",
                "POST /v1/expenses 400"
            ),
            ("ada@example.org my-password\r\n\r\n", "other none 400"),
        ]
    }

    @Test func noPersonalDataIsWrittenDown() async throws {
        let backend = try await Backend(key: key)
        let target = backend.address.description
        var environment = [
            "FLORIN_HTTP_LISTEN": try freeAddress(), "FLORIN_ADMIN_LISTEN": try freeAddress(),
            "FLORIN_PUBLIC_URL": Backend.issuer, "FLORIN_AMQP_URL": "amqp://a:b@127.0.0.1:1/x",
        ]
        for service in ["AUTH", "EXPENSE", "PORTFOLIO", "PROCESSOR"] { environment["FLORIN_\(service)_GRPC"] = target }
        environment["FLORIN_CORS_ORIGINS"] = "https://app.example"
        environment["FLORIN_LOG_LEVEL"] = "trace"
        let gateway = try RunningGateway(environment)
        defer { gateway.kill() }
        try await eventually("it is ready") { try await gateway.admin("/readyz").status == 200 }
        let user = UUIDv7.make()
        let token = try Backend.token(key, user: user)
        let address = try SocketAddress(parsing: environment["FLORIN_HTTP_LISTEN"] ?? "")

        var expected: [String] = []
        for (text, line) in Self.requests(token) {
            let answer = try await SocketClient.exchange(text, with: address)
            #expect(answer.hasPrefix("HTTP/1.1 \(line.suffix(3)) "), "\(line)")
            expected.append(line)
        }
        let http2 = try await curl(
            ["--http2-prior-knowledge"] + (Self.fields + ["Authorization: Bearer \(token)"]).flatMap { ["-H", $0] }
                + ["-w", "%{http_code}", "-o", "/dev/null", "http://\(address)/v1/expenses?cursor=ada@example.org"])
        #expect(http2.output == "200")
        expected.append("GET /v1/expenses 200")
        try await leaveAStream(at: address, token)
        expected.append("GET /v1/events/stream 200")

        try await eventually("all are written down") { try gateway.accessLog().count >= expected.count }
        let lines = try gateway.accessLog()
        #expect(lines.map { "\($0.method) \($0.route) \($0.status)" } == expected)
        // A person is named by an id that means nothing once the account is gone, and only where the request was theirs.
        #expect(lines.map(\.user) == expected.map { Self.isSignedIn($0) ? user.description : nil })
        #expect(lines.allSatisfy { $0.requestID.wholeMatch(of: /[0-9a-f-]{36}/) != nil })
        #expect(lines.last?.aborted == true && lines.dropLast().allSatisfy { $0.aborted == nil })
        let metrics = try await gateway.admin("/metrics").body
        for word in Self.personal + [token] + token.split(separator: ".").map(String.init) {
            #expect(!gateway.log.contains(word) && !metrics.contains(word), "\(word)")
        }
        try await checkFigures(metrics)
        for line in gateway.log.split(separator: "\n") where line.contains(#""message":"request""#) {
            #expect(!line.contains("127.0.0.1"))
        }
        // Probes and scrapes of the admin address are no requests of clients.
        #expect(try gateway.accessLog().count == expected.count)
        gateway.terminate()
        #expect(try await gateway.exitStatus() == 0)
        await backend.stop()
    }

    /// Whether a line is about a request with the user's token that came as far as the token.
    private static func isSignedIn(_ line: String) -> Bool {
        ["GET /v1/expenses 200", "GET /v1/expenses/{id} 400", "GET /v1/events/stream 200"].contains(line)
    }

    /// What is told of all these is valid, and stands in the runbook.
    private func checkFigures(_ metrics: String) async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "gateway-\(UUID()).metrics")
        try (metrics + "\n").write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let judged = try await Python.run(
            "metrics/judge.py", [Python.root.appending(path: "docs/RUNBOOK.md").path, Python.root.path, file.path])
        #expect(judged.status == 0, "\(judged.output)")
    }

    /// Opens a stream and goes away from it.
    private func leaveAStream(at address: SocketAddress, _ token: String) async throws {
        let client = try SocketClient(address)
        try await client.send(
            "GET /v1/events/stream HTTP/1.1\r\nHost: a\r\nUser-Agent: my-device\r\nAuthorization: Bearer \(token)\r\n\r\n"
        )
        _ = try await client.receive(until: ": connected\n\n")
        client.leave()
    }
}

extension RunningGateway {
    /// The access log so far, without a line that is not complete yet.
    func accessLog() throws -> [AccessLogLine] {
        let text = log
        let complete = text[..<(text.lastIndex(of: "\n") ?? text.startIndex)]
        return try AccessLogLine.all(in: complete.split(separator: "\n").map(String.init))
    }
}
