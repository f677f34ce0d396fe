import Chronology
import Contracts
import GRPC
import GatewayAPI
import HTTPServer
import HTTPTesting
import Observability
import ServiceRuntime
import Testing
import Validation

/// What passes between a client and a service.
@Suite(.timeLimit(.minutes(5))) struct ServiceCallTests {
    private static let expense = Expense(
        id: "019aa1b2-0000-7000-8000-000000000001", kind: "expense", amount: Money(amount: "1.00", currency: "EUR"),
        spentOn: "2026-11-20", version: 7)
    private static let body = #"{"amount":{"amount":"1.00","currency":"EUR"},"spent_on":"2026-11-20"}"#

    @Test func readsAResourceWithItsTag() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("GetExpense") { (request: GetExpenseRequest, _) in
                #expect(request.id == "a b/c")
                return Self.expense
            }
            let token = try bench.tokens.make()
            let path = "/v1/expenses/a%20b%2Fc"
            let answer = try await bench.send("GET", path, token: token)
            #expect(answer.status == 200 && answer["etag"] == #""7""#)
            #expect(answer["content-type"] == "application/json" && answer["cache-control"] == "no-store")
            #expect(answer["x-content-type-options"] == "nosniff")
            #expect(try answer.json("spent_on") == "2026-11-20")
            let head = try await bench.send("HEAD", path, token: token)
            #expect(head.status == 200 && head["content-length"] == answer["content-length"])
            let fresh = try await bench.send("GET", path, token: token, headers: [#"If-None-Match: "1", W/"7""#])
            #expect(fresh.status == 304 && fresh["etag"] == #""7""# && fresh.body.isEmpty)
            #expect(try await bench.send("GET", path, token: token, headers: [#"If-None-Match: "8""#]).status == 200)
        }
    }

    @Test func tellsTheServiceWhoAsksAndWhy() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("CreateExpense") { (_: CreateExpenseRequest, context) in
                context.setTrailingMetadata(["idempotency-replayed": "true"])
                return Self.expense
            }
            let (user, session) = (UUIDv7.make(), UUIDv7.make())
            let token = try bench.tokens.make(user: user, session: session, roles: ["user", "admin"])
            let trace = "0af7651916cd43dd8448eb211c80319c"
            var answers: [Answer] = []
            for (key, path, body) in [
                ("k", "/v1/expenses", Self.body), ("k", "/v1/expenses", Self.body),
                ("k", "/v1/expenses", Self.body + " "),
            ] {
                answers.append(
                    try await bench.send(
                        "POST", path, token: token,
                        headers: [
                            "Idempotency-Key: \(key)", "X-Request-Id: r-1", "tracestate: a=1",
                            "traceparent: 00-\(trace)-b7ad6b7169203331-01", "User-Agent: test",
                        ], body: body))
            }
            #expect(answers.allSatisfy { $0.status == 201 && $0["idempotency-replayed"] == "true" })
            #expect(answers.allSatisfy { $0["x-request-id"] == "r-1" && $0["etag"] == #""7""# })
            let calls = bench.services.received.filter { $0.method == "CreateExpense" }.map(\.metadata)
            #expect(calls[0]["florin-user-id"] == user.description)
            #expect(calls[0]["florin-session-id"] == session.description)
            #expect(calls[0]["florin-roles"] == "user admin")
            #expect(calls[0]["florin-scopes"] == AccessTokens.scopes.joined(separator: " "))
            #expect(calls[0]["x-request-id"] == "r-1" && calls[0]["idempotency-key"] == "k")
            #expect(calls[0]["traceparent"]?.contains(trace) == true && calls[0]["tracestate"] == "a=1")
            #expect(calls[0]["traceparent"]?.contains("b7ad6b7169203331") == false)
            #expect(calls[0]["florin-client-device"] == nil && calls[0]["authorization"] == nil)
            let prints = calls.compactMap { $0["idempotency-fingerprint"] }
            #expect(prints.count == 3 && prints[0] == prints[1] && prints[0] != prints[2] && prints[0].utf8.count == 64)
        }
    }

    @Test func tellsTheAuthServiceOfTheClient() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("Login") { (_: LoginRequest, _) in SignIn(accessToken: "t") }
            let device = "Zoë " + String(repeating: "x", count: 300)
            let answer = try await bench.send(
                "POST", "/v1/auth/login", token: "stale", headers: ["User-Agent: \(device)"],
                body: #"{"email":"a@example.org","password":"x"}"#)
            #expect(answer.status == 200)
            let metadata = try #require(bench.services.received.last?.metadata)
            #expect(metadata["florin-client-address"] == "127.0.0.1" && metadata["florin-user-id"] == nil)
            #expect(metadata["florin-client-device"] == "Zo? " + String(repeating: "x", count: 196))
        }
    }

    @Test func answersWithoutABody() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("DeleteExpense") { (_: DeleteExpenseRequest, _) in Empty() }
            bench.services.on("ResendVerification") { (_: ResendVerificationRequest, _) in Empty() }
            let deleted = try await bench.send("DELETE", "/v1/expenses/1", token: bench.tokens.make())
            #expect(deleted.status == 204 && deleted["content-type"] == nil)
            let resent = try await bench.send("POST", "/v1/auth/email/resend", body: #"{"email":"a@example.org"}"#)
            #expect(resent.status == 202 && resent.body.isEmpty)
        }
    }

    @Test func aServicesRefusalPasses() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("CreateExpense") { (_: CreateExpenseRequest, _) -> Expense in
                throw ProblemDetails(
                    code: "validation_failed", status: 422, detail: "Look.",
                    errors: [FieldError(field: "category_id", code: "unknown_category", message: "is not known")]
                ).grpcStatus
            }
            let answer = try await bench.send("POST", "/v1/expenses", token: bench.tokens.make(), body: Self.body)
            #expect(answer.status == 422)
            #expect(try answer.json("detail") == "Look." && answer.json("instance") == "/v1/expenses")
            #expect(try answer.errors() == ["category_id: unknown_category"])
        }
    }

    @Test func aFaultOfAServiceSaysNothing() async throws {
        try await GatewayBench.run { bench in
            struct Fault: Error {}
            bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) -> ExpenseList in throw Fault() }
            let answer = try await bench.send("GET", "/v1/expenses", token: bench.tokens.make())
            #expect(answer.status == 500)
            #expect(try answer.json("code") == "internal_error" && answer.json("detail") == "A fault of ours.")
            #expect(bench.log.all.contains { $0.contains("call failed") && $0.contains("INTERNAL") })
        }
    }

    @Test func aServiceThatIsAwayIsNamed() async throws {
        try await GatewayBench.run({ $0.missing = ["expense"] }) { bench in
            bench.services.on("ListPortfolios") { (_: ListPortfoliosRequest, _) in PortfolioList() }
            let scopes = AccessTokens.scopes + ["portfolio:read"]
            let token = try bench.tokens.make(scopes: scopes)
            let answer = try await bench.send("GET", "/v1/expenses", token: token)
            #expect(answer.status == 503 && answer["retry-after"] == "1")
            #expect(try answer.json("code") == "service_unavailable" && answer.json("dependency") == "expense")
            #expect(try await bench.send("GET", "/v1/portfolios", token: token).status == 200)
        }
    }

    @Test func withoutKeysNobodyIsKnown() async throws {
        try await GatewayBench.run({ $0.missing = ["auth"] }) { bench in
            for path in ["/v1/expenses", "/.well-known/jwks.json"] {
                let answer = try await bench.send("GET", path, token: bench.tokens.make())
                #expect(answer.status == 503)
                #expect(try answer.json("dependency") == "auth")
            }
            #expect(try await bench.send("GET", "/v1/expenses").status == 401)
        }
    }

    /// The service itself ends the call by the code that the deadline has; ten seconds would be long for a test.
    @Test func aServiceThatIsLateIsNamed() async throws {
        try await GatewayBench.run({ $0.deadlines = CallDeadlines() }) { bench in
            bench.services.on("ListExpenses") { (_: ListExpensesRequest, context) -> ExpenseList in
                let left = try #require(context.remaining)
                #expect(left > .zero && left <= .seconds(10))
                throw GRPCStatus(.deadlineExceeded)
            }
            let answer = try await bench.send("GET", "/v1/expenses", token: bench.tokens.make())
            #expect(answer.status == 504)
            #expect(try answer.json("code") == "timeout" && answer.json("dependency") == "expense")
        }
    }

    @Test func aFileOfManyMegabytesPasses() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("ImportPrices") { (request: ImportPricesRequest, context) in
                #expect(request.format == "amfi" && (context.remaining ?? .zero) > .seconds(20))
                return PriceImport(rows: Int64(request.content.count))
            }
            let file = String(repeating: "0123456789abcdef", count: 5 << 16)
            let answer = try await bench.send(
                "POST", "/v1/prices/imports?format=amfi", token: bench.tokens.make(), body: file, type: "text/plain")
            #expect(answer.status == 200)
            #expect(try answer.json("rows") == "\(file.utf8.count)")
        }
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("GetExpense") { (request: GetExpenseRequest, _) in
                if request.id == "1" { try await bench.loop.sleep(for: .milliseconds(50)) }
                return Expense(id: request.id)
            }
            let token = try bench.tokens.make()
            let client = try SocketClient(bench.address)
            let requests = (1...3).map { bench.request("GET", "/v1/expenses/\($0)", token: token) }
            try await client.send(requests.joined() + bench.request("GET", "/nowhere"))
            for number in 1...3 { #expect(try await client.answer().json("id") == "\(number)") }
            #expect(try await client.answer().status == 404)
        }
    }

    @Test func aClientThatLeavesCancelsTheCall() async throws {
        try await GatewayBench.run { bench in
            let (signal, end) = AsyncStream<Bool>.makeStream()
            bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) -> ExpenseList in
                end.yield(true)
                do { try await bench.loop.sleep(for: .seconds(60)) } catch { end.finish() }
                return ExpenseList()
            }
            let client = try SocketClient(bench.address)
            try await client.send(bench.request("GET", "/v1/expenses", token: bench.tokens.make()))
            var signals = signal.makeAsyncIterator()
            #expect(await signals.next() == true)
            client.leave()
            #expect(await signals.next() == nil)
        }
    }

    @Test func documentsAreCachedByTheirTag() async throws {
        try await GatewayBench.run { bench in
            for (path, type) in [
                ("/", "text/html; charset=utf-8"), ("/verify?token=x", "text/html; charset=utf-8"),
                ("/reset?token=x", "text/html; charset=utf-8"),
                ("/openapi.json", "application/json"),
            ] {
                let answer = try await bench.send("GET", path)
                #expect(answer.status == 200 && answer["content-type"] == type, "\(path)")
                #expect(answer["cache-control"] == "public, max-age=300", "\(path)")
                let tag = try #require(answer["etag"])
                #expect(try await bench.send("GET", path, headers: ["If-None-Match: \(tag)"]).status == 304)
                #expect(try await bench.send("HEAD", path)["content-length"] == "\(answer.body.utf8.count)")
            }
            #expect(try await bench.send("GET", "/openapi.json").json("openapi") == "3.1.0")
        }
    }

    @Test func theIssuerSaysWhereItsKeysAre() async throws {
        try await GatewayBench.run { bench in
            let answer = try await bench.send("GET", "/.well-known/openid-configuration")
            #expect(answer.status == 200 && answer["content-type"] == "application/json")
            #expect(answer["cache-control"] == "public, max-age=300")
            #expect(try answer.json("issuer") == AccessTokens.issuer)
            #expect(try answer.json("jwks_uri") == AccessTokens.issuer + "/.well-known/jwks.json")
            let keys = try await bench.send("GET", "/.well-known/jwks.json")
            #expect(keys.status == 200 && keys["cache-control"] == "public, max-age=300")
        }
    }

    @Test func writesNoPersonalDataDown() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("Login") { (_: LoginRequest, _) in SignIn(accessToken: "secret-token") }
            let token = try bench.tokens.make()
            _ = try await bench.send(
                "POST", "/v1/auth/login", headers: ["User-Agent: my-device"],
                body: #"{"email":"ada@example.org","password":"my-password"}"#)
            _ = try await bench.send("GET", "/v1/expenses?q=my-search", token: token)
            _ = try await bench.send("GET", "/v1/expenses/my-id", token: token)
            let text = bench.log.all.joined() + bench.metrics.render()
            for word in ["ada@example", "my-", "secret-token", token, "127.0.0.1"] {
                #expect(!text.contains(word), "\(word)")
            }
            let line = try #require(bench.log.all.first { $0.contains("/v1/expenses/{id}") })
            #expect(line.contains(#""method":"GET""#) && line.contains(#""status":501"#) && line.contains("trace_id"))
            #expect(
                text.contains(#"florin_http_requests_total{method="POST",route="/v1/auth/login",status="200"} 1"#))
        }
    }
}
