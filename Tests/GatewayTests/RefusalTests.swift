import Contracts
import GatewayAPI
import HTTPServer
import HTTPTesting
import ServiceRuntime
import Testing

/// What the gateway refuses, over real sockets.
@Suite(.timeLimit(.minutes(5))) struct RefusalTests {
    /// A request and what becomes of it.
    struct Case: Sendable, CustomStringConvertible {
        let method: String
        let path: String
        var headers: [String] = []
        var body: String?
        var type: String? = "application/json"
        let status: Int
        let code: String
        var errors: [String] = []

        var description: String { "\(method) \(path.prefix(60)) \(headers) \(body?.prefix(60) ?? "")" }
    }

    private static let deep = String(repeating: "[", count: 65) + String(repeating: "]", count: 65)
    private static let money = #"{"amount":"1.00","currency":"EUR"}"#

    private static let unread: [Case] = [
        .init(
            method: "POST", path: "/v1/expenses", body: "{", status: 400, code: "invalid_request",
            errors: [": invalid_json"]),
        .init(
            method: "POST", path: "/v1/expenses", body: "", status: 400, code: "invalid_request",
            errors: [": invalid_json"]),
        .init(
            method: "POST", path: "/v1/expenses", body: deep, status: 400, code: "invalid_request",
            errors: [": invalid_json"]),
        .init(
            method: "POST", path: "/v1/expenses", body: #"{"merchant":"\u0000"}"#, status: 400,
            code: "invalid_request", errors: [": invalid_json"]),
        .init(
            method: "POST", path: "/v1/expenses", body: #"{"merchant":"\ud800"}"#, status: 400,
            code: "invalid_request", errors: [": invalid_json"]),
        .init(
            method: "POST", path: "/v1/expenses",
            body: #"{"amount":\#(money),"spent_on":"2026-11-20","spent_on":"2026-11-20"}"#, status: 400,
            code: "invalid_request", errors: ["spent_on: duplicate_key"]),
        .init(
            method: "POST", path: "/v1/expenses",
            body: #"{"amount":{"amount":1,"currency":"EUR"},"spent_on":"2026-11-20","colour":1}"#, status: 400,
            code: "invalid_request", errors: ["amount.amount: wrong_type", "colour: unknown_field"]),
        .init(
            method: "GET", path: "/v1/expenses?limit=x&color=red", status: 400, code: "invalid_request",
            errors: ["limit: wrong_type", "color: unknown_field"]),
        .init(
            method: "GET", path: "/v1/expenses?limit=1&limit=1", status: 400, code: "invalid_request",
            errors: ["limit: duplicate_key"]),
        .init(method: "GET", path: "/v1/expenses", body: "{}", status: 400, code: "unexpected_body"),
        .init(
            method: "GET", path: "/v1/events/stream?from=1", status: 400, code: "invalid_request",
            errors: ["from: unknown_field"]),
        .init(
            method: "GET", path: "/v1/events/stream", headers: ["Last-Event-ID: garbage"], status: 400,
            code: "invalid_last_event_id"),
        .init(
            method: "GET", path: "/v1/events/stream", headers: ["Last-Event-ID:"], status: 400,
            code: "invalid_last_event_id"),
        .init(
            method: "GET", path: "/v1/events/stream",
            headers: ["Last-Event-ID: 01900000-0000-7000-8000-00000000000g"], status: 400,
            code: "invalid_last_event_id"),
        .init(
            method: "GET", path: "/v1/events/stream",
            headers: .init(repeating: "Last-Event-ID: 01900000-0000-7000-8000-000000000000", count: 2), status: 400,
            code: "invalid_last_event_id"),
        .init(
            method: "GET", path: "/openapi.json?v=1", status: 400, code: "invalid_request",
            errors: ["v: unknown_field"]),
        .init(
            method: "POST", path: "/v1/expenses", headers: ["Idempotency-Key: a b"], body: "{}", status: 400,
            code: "invalid_idempotency_key"),
        .init(
            method: "POST", path: "/v1/expenses", headers: ["Idempotency-Key: a", "Idempotency-Key: a"], body: "{}",
            status: 400, code: "invalid_idempotency_key"),
        .init(
            method: "POST", path: "/v1/expenses",
            headers: ["Idempotency-Key: " + String(repeating: "x", count: 256)], body: "{}", status: 400,
            code: "invalid_idempotency_key"),
    ]

    private static let others: [Case] = [
        .init(method: "GET", path: "/v1/expenses/", status: 404, code: "not_found"),
        .init(method: "GET", path: "/v2/expenses", status: 404, code: "not_found"),
        .init(method: "PUT", path: "/v1/expenses", body: "{}", status: 405, code: "method_not_allowed"),
        .init(method: "TRACE", path: "/v1/expenses", status: 405, code: "method_not_allowed"),
        .init(method: "QUERY", path: "/v1/expenses", body: "{}", status: 405, code: "method_not_allowed"),
        .init(method: "POST", path: "/openapi.json", body: "{}", status: 405, code: "method_not_allowed"),
        .init(
            method: "GET", path: "/v1/expenses", headers: ["Accept: text/html"], status: 406, code: "not_acceptable"),
        .init(
            method: "GET", path: "/v1/events/stream", headers: ["Accept: application/json"], status: 406,
            code: "not_acceptable"),
        .init(
            method: "POST", path: "/v1/expenses", body: "{}", type: "text/plain", status: 415,
            code: "unsupported_media_type"),
        .init(method: "POST", path: "/v1/expenses", body: "{}", type: nil, status: 415, code: "unsupported_media_type"),
        .init(
            method: "POST", path: "/v1/expenses", headers: ["Content-Encoding: gzip"], body: "{}", status: 415,
            code: "unsupported_media_type"),
        .init(
            method: "POST", path: "/v1/expenses", headers: ["Content-Encoding: identity", "Content-Encoding: gzip"],
            body: "{}", status: 415, code: "unsupported_media_type"),
        // Whoever stands before the gateway may have gone by the other one.
        .init(
            method: "POST", path: "/v1/expenses", headers: ["Content-Type: application/json"], body: "{}",
            type: "text/plain", status: 415, code: "unsupported_media_type"),
        .init(
            method: "POST", path: "/v1/expenses", headers: ["Content-Type: application/json"], body: "{}",
            status: 415, code: "unsupported_media_type"),
        .init(
            method: "POST", path: "/v1/prices/imports?format=amfi", headers: ["Content-Type: text/csv"], body: "x",
            type: "text/plain", status: 415, code: "unsupported_media_type"),
        .init(
            method: "POST", path: "/v1/prices/imports?format=amfi", body: "a=b",
            type: "application/x-www-form-urlencoded", status: 415, code: "unsupported_media_type"),
        .init(
            method: "POST", path: "/v1/prices/imports?format=amfi", body: "x", type: "multipart/form-data; boundary=x",
            status: 415, code: "unsupported_media_type"),
        .init(
            method: "POST", path: "/v1/expenses", body: "{}", status: 422, code: "validation_failed",
            errors: ["amount: required", "spent_on: required"]),
        .init(
            method: "POST", path: "/v1/auth/login", body: #"{"email":null}"#, status: 422, code: "validation_failed",
            errors: ["email: required", "password: required"]),
    ]

    @Test func refuses() async throws {
        try await GatewayBench.run { bench in
            let token = try bench.tokens.make()
            for request in Self.unread + Self.others {
                let answer = try await bench.send(
                    request.method, request.path, token: token, headers: request.headers, body: request.body,
                    type: request.type)
                #expect(answer.status == request.status, "\(request)")
                #expect(answer["content-type"] == "application/problem+json", "\(request)")
                #expect(try answer.json("code") == request.code, "\(request)")
                #expect(try answer.json("status") == "\(request.status)", "\(request)")
                #expect(try answer.json("type") == "/problems/\(request.code)", "\(request)")
                #expect(try answer.json("request_id") == answer["x-request-id"], "\(request)")
                #expect(try answer.json("instance") == String(request.path.prefix { $0 != "?" }), "\(request)")
                #expect(try answer.json("detail")?.hasSuffix(".") == true, "\(request)")
                #expect(try answer.errors() == request.errors, "\(request)")
                #expect(answer["ratelimit"] != nil && answer["cache-control"] == "no-store", "\(request)")
            }
            #expect(bench.services.received.allSatisfy { $0.method == "GetKeySet" })
        }
    }

    /// What the HTTP server refuses by itself looks the same.
    @Test(arguments: [
        ("GET / HTTP/1.1\r\n\r\n", 400, "malformed_http"),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "malformed_http"),
        ("GET /\(String(repeating: "x", count: 9000)) HTTP/1.1\r\nHost: a\r\n\r\n", 414, "target_too_long"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 17000))\r\n\r\n", 431, "headers_too_large"),
        ("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "not_implemented"),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "unsupported_version"),
        (
            "POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n", 413, "content_too_large"
        ),
        (
            "POST /v1/prices/imports HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n", 413, "content_too_large"
        ),
    ])
    func refusesWhatIsNoRequest(_ text: String, _ status: Int, _ code: String) async throws {
        try await GatewayBench.run { bench in
            let client = try SocketClient(bench.address)
            try await client.send(text)
            let answer = try await client.answer()
            #expect(answer.status == status)
            #expect(try answer.json("code") == code)
            #expect(try answer.json("detail")?.hasSuffix(".") == true)
            #expect(answer["x-request-id"] != nil && answer["content-type"] == "application/problem+json")
            #expect(try await client.isClosed())
        }
    }

    /// Its fields are those of every other answer: the id is the client's where the head could be read.
    @Test(
        arguments: [
            ("POST /v1/auth/login", "X-Request-Id: r-1\r\nContent-Length: 1048577\r\n", "r-1"),
            ("POST /v1/auth/login", "X-Request-Id: a b\r\nContent-Length: 1048577\r\n", nil),
            ("BREW /v1/auth/login", "X-Request-Id: r-1\r\n", nil),
            ("GET /", "X-Request-Id: r-1\r\nX: \u{1}\r\n", nil),
        ] as [(String, String, String?)])
    func whatIsNoRequestHasTheFieldsOfAnswers(_ line: String, _ fields: String, _ id: String?) async throws {
        let policy = try #require(CrossOriginPolicy(parsing: "https://app.example"))
        try await GatewayBench.run({
            $0.rules.isSecure = true
            $0.rules.crossOrigin = policy
        }) { bench in
            let client = try SocketClient(bench.address)
            try await client.send("\(line) HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example\r\n\(fields)\r\n")
            let answer = try await client.answer()
            let given = try #require(answer["x-request-id"])
            #expect(id == nil ? given.utf8.count == 36 : given == id)
            #expect(try answer.json("request_id") == given)
            #expect(answer["ratelimit-policy"] == #""anonymous";q=10000;w=60"#)
            #expect(answer["ratelimit"] == #""anonymous";r=10000;t=0"#)
            #expect(answer["strict-transport-security"] != nil && answer["x-content-type-options"] == "nosniff")
            #expect(answer["cache-control"] == "no-store" && answer["connection"] == "close" && answer["date"] != nil)
            // A page may read why its request was too large.
            let isRead = line.hasPrefix("POST")
            #expect(answer["vary"] == "Origin")
            #expect(answer["access-control-allow-origin"] == (isRead ? "https://app.example" : nil))
        }
    }

    @Test func tellsTheMethodsOfAPath() async throws {
        try await GatewayBench.run { bench in
            let answers = [
                try await bench.send("OPTIONS", "/v1/expenses"), try await bench.send("PUT", "/v1/expenses"),
                try await bench.send("OPTIONS", "/v1/expenses/1"), try await bench.send("OPTIONS", "*"),
                try await bench.send("OPTIONS", "/nowhere"),
            ]
            #expect(answers.map(\.status) == [204, 405, 204, 204, 404])
            #expect(
                answers.map { $0["allow"] } == [
                    "GET, HEAD, POST, OPTIONS", "GET, HEAD, POST, OPTIONS", "GET, HEAD, DELETE, OPTIONS",
                    "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS", nil,
                ])
        }
    }

    @Test func limitsTheRate() async throws {
        try await GatewayBench.run({ $0.limits = RateLimits(user: 3, anonymous: 2, signIn: 1) }) { bench in
            bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) in ExpenseList() }
            let token = try bench.tokens.make()
            var answers: [Answer] = []
            for _ in 0..<4 { answers.append(try await bench.send("GET", "/v1/expenses", token: token)) }
            #expect(answers.map(\.status) == [200, 200, 200, 429])
            #expect(answers.map { $0["ratelimit-policy"] } == .init(repeating: #""user";q=3;w=60"#, count: 4))
            #expect(answers[0]["ratelimit"]?.hasPrefix(#""user";r=2;t="#) == true)
            #expect(try answers[3].json("code") == "rate_limited")
            #expect(Int(try #require(answers[3]["retry-after"])) ?? 0 > 1)
            #expect(try await bench.send("GET", "/v1/expenses", token: bench.tokens.make()).status == 200)
            let login = #"{"email":"a@example.org","password":"x"}"#
            #expect(try await bench.send("POST", "/v1/auth/login", body: login).status == 501)
            #expect(try await bench.send("POST", "/v1/auth/login", body: login).status == 429)
            // Tokens that are refused count for the address, as do paths that nobody serves.
            #expect(try await bench.send("GET", "/v1/expenses", token: "x").status == 401)
            #expect(try await bench.send("GET", "/nowhere").status == 404)
            #expect(try await bench.send("GET", "/v1/expenses", token: "x").status == 429)
            #expect(try await bench.send("GET", "/v1/expenses", token: bench.tokens.make()).status == 200)
        }
    }
}
