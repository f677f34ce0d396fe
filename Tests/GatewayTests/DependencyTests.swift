import Chronology
import Contracts
import EventLoop
import GRPC
import GatewayAPI
import HTTPTesting
import ServiceRuntime
import Testing
import TestKit
import Validation

/// A service in trouble, seen by its clients and by those of others.
@Suite(.timeLimit(.minutes(5))) struct DependencyTests {
    private static let scopes = AccessTokens.scopes + ["portfolio:read"]
    private static let body = #"{"amount":{"amount":"1.00","currency":"EUR"},"spent_on":"2026-11-20"}"#

    private func calls(_ method: String, of bench: GatewayBench) -> Int {
        bench.services.received.count { $0.method == method }
    }

    @Test func aServiceThatStallsHoldsNobodyElse() async throws {
        let adjust: (inout GatewayBench.Options) -> Void = { options in
            options.resilience.concurrency = 2
            options.resilience.queue = 1
        }
        try await GatewayBench.run(adjust) { bench in
            let (gate, open) = AsyncStream<Void>.makeStream()
            bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) -> ExpenseList in
                for await _ in gate {}
                return ExpenseList()
            }
            bench.services.on("ListPortfolios") { (_: ListPortfoliosRequest, _) in PortfolioList() }
            let token = try bench.tokens.make(scopes: Self.scopes)
            let stalled = try (0..<3).map { _ in try SocketClient(bench.address) }
            for client in stalled { try await client.send(bench.request("GET", "/v1/expenses", token: token)) }
            try await eventually("two are called, one waits") {
                calls("ListExpenses", of: bench) == 2
                    && bench.metrics.render().contains(#"florin_dependency_waiting{service="expense"} 1"#)
            }
            let refused = try await bench.send("GET", "/v1/expenses", token: token)
            #expect(refused.status == 503 && refused["retry-after"] == "1")
            #expect(try refused.json("code") == "overloaded" && refused.json("dependency") == "expense")
            for _ in 0..<20 {
                #expect(try await bench.send("GET", "/v1/portfolios", token: token).status == 200)
            }
            open.finish()
            for client in stalled { #expect(try await client.answer().status == 200) }
            #expect(calls("ListExpenses", of: bench) == 3)
        }
    }

    /// The same where the gateway asks on a request's way: who shows an access token, and a stream from now on, need neither.
    @Test(arguments: Question.own) func aQuestionThatStallsHoldsNobodyElse(_ question: Question) async throws {
        let adjust: (inout GatewayBench.Options) -> Void = { options in
            options.resilience.concurrency = 2
            options.resilience.queue = 1
        }
        try await GatewayBench.run(adjust) { bench in
            let (gate, open) = AsyncStream<Void>.makeStream()
            let id = UUIDv7.make().description
            bench.services.on("ResolveApiToken") { (_: ResolveApiTokenRequest, _) in
                for await _ in gate {}
                return ApiTokenIdentity(tokenID: id, userID: id, roles: ["user"], scopes: AccessTokens.scopes)
            }
            bench.services.on("ListStreamEvents") { (_: StreamEventQuery, _) in
                for await _ in gate {}
                return StreamEventPage(isKnown: true, position: 1)
            }
            bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) in ExpenseList() }
            let stalled = try (0..<3).map { _ in try SocketClient(bench.address) }
            for client in stalled { try await client.send(question.request(bench)) }
            try await eventually("two are asked, one waits") {
                calls(question.method, of: bench) == 2
                    && bench.sample("florin_dependency_waiting", of: question.service) == 1
            }
            let refused = try await bench.send(question.request(bench))
            #expect(refused.status == 503 && refused["retry-after"] == "1")
            #expect(try refused.json("code") == "overloaded" && refused.json("dependency") == question.service)
            let token = try bench.tokens.make()
            for _ in 0..<20 {
                #expect(try await bench.send("GET", "/v1/expenses", token: token).status == 200)
            }
            #expect(try await bench.status(of: bench.request("GET", "/v1/events/stream", token: token)) == 200)
            open.finish()
            for client in stalled {
                #expect(try await client.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200"))
            }
        }
    }

    /// A place before a service is for a call, not for the life of the stream that makes it.
    @Test func aLiveStreamTakesNoPlace() async throws {
        let adjust: (inout GatewayBench.Options) -> Void = { options in
            options.resilience.concurrency = 1
            options.streams.maximumStreamsPerUser = 100
        }
        try await GatewayBench.run(adjust) { bench in
            bench.services.on("ListStreamEvents") { (_: StreamEventQuery, _) in
                StreamEventPage(isKnown: true, position: 1)
            }
            let request = try Question.resume.request(bench)
            var streams: [SocketClient] = []
            for _ in 0..<4 {
                let client = try SocketClient(bench.address)
                try await client.send(request)
                _ = try await client.receive(until: ": connected\n\n")
                streams.append(client)
            }
            try await eventually("nobody is asked any more") {
                bench.sample("florin_dependency_calls", of: "events") == 0 && bench.streams.count == 4
            }
        }
    }

    /// Failures count for as long as a machine that is far too slow takes to make five.
    private static func countFailuresForLong(_ options: inout GatewayBench.Options) {
        options.resilience.circuit.window = .seconds(600)
        options.resilience.circuit.pause = .seconds(600)
    }

    @Test func aServiceThatFailsIsLeftAlone() async throws {
        try await GatewayBench.run(Self.countFailuresForLong) { bench in
            bench.services.on("CreateExpense") { (_: CreateExpenseRequest, _) -> Expense in
                throw GRPCStatus(.unavailable)
            }
            bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) in ExpenseList() }
            bench.services.on("ListPortfolios") { (_: ListPortfoliosRequest, _) in PortfolioList() }
            let token = try bench.tokens.make(scopes: Self.scopes)
            for _ in 0..<8 {
                let answer = try await bench.send("POST", "/v1/expenses", token: token, body: Self.body)
                #expect(answer.status == 503)
                #expect(try answer.json("code") == "service_unavailable" && answer.json("dependency") == "expense")
            }
            #expect(calls("CreateExpense", of: bench) == 5)
            let refused = try await bench.send("GET", "/v1/expenses", token: token)
            let wait = try #require(refused["retry-after"].flatMap { Int($0) })
            #expect(refused.status == 503 && (2...600).contains(wait))
            #expect(calls("ListExpenses", of: bench) == 0)
            #expect(try await bench.send("GET", "/v1/portfolios", token: token).status == 200)
            #expect(bench.metrics.render().contains(#"florin_dependency_circuit{service="expense"} 2"#))
        }
    }

    /// The archive is made of calls like any other: a service that is left alone is not asked for its part.
    @Test func theArchiveLeavesItAloneAsWell() async throws {
        try await GatewayBench.run(Self.countFailuresForLong) { bench in
            bench.services.on("CreateExpense") { (_: CreateExpenseRequest, _) -> Expense in
                throw GRPCStatus(.unavailable)
            }
            bench.services.on("ReadArchive") { (_: ArchiveRequest, _) in ArchivePage() }
            let token = try bench.tokens.make()
            for _ in 0..<5 { _ = try await bench.send("POST", "/v1/expenses", token: token, body: Self.body) }
            let answer = try await bench.send("GET", "/v1/users/me/export", token: token)
            #expect(answer.status == 503)
            #expect(try answer.json("dependency") == "expense")
            #expect(answer["retry-after"].flatMap { Int($0) }.map { (2...600).contains($0) } == true)
            // The auth service's part comes first.
            #expect(calls("ReadArchive", of: bench) == 1)
        }
    }

    @Test func whatOnlyReadsIsAskedAgain() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("GetExpense") { (request: GetExpenseRequest, _) -> Expense in
                guard calls("GetExpense", of: bench) > 1 else { throw GRPCStatus(.unavailable) }
                return Expense(id: request.id)
            }
            bench.services.on("DeleteExpense") { (_: DeleteExpenseRequest, _) -> Empty in throw GRPCStatus(.unavailable)
            }
            let token = try bench.tokens.make()
            #expect(try await bench.send("GET", "/v1/expenses/1", token: token).status == 200)
            #expect(calls("GetExpense", of: bench) == 2)
            let deletion = try await bench.send(
                "DELETE", "/v1/expenses/1", token: token, headers: ["Idempotency-Key: k"])
            #expect(deletion.status == 503 && calls("DeleteExpense", of: bench) == 1)
            #expect(bench.metrics.render().contains(#"florin_dependency_retries_total{service="expense"} 1"#))
        }
    }

    /// A service that says itself why it cannot answer is there: neither its circuit nor a retry is called for.
    @Test func aServiceThatRefusesIsStillAsked() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) -> ExpenseList in
                throw ProblemDetails.unavailable("database_unavailable", "Not now.", retryAfter: 2).grpcStatus
            }
            let token = try bench.tokens.make()
            for _ in 0..<7 {
                let answer = try await bench.send("GET", "/v1/expenses", token: token)
                #expect(answer.status == 503 && answer["retry-after"] == "2")
                #expect(try answer.json("code") == "database_unavailable" && answer.json("dependency") == "expense")
            }
            #expect(calls("ListExpenses", of: bench) == 7)
        }
    }

    @Test func aRequestThatCannotBeReadSaysNothingOfTheService() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("CreateExpense") { (_: CreateExpenseRequest, _) in Expense(id: "1") }
            let token = try bench.tokens.make()
            for _ in 0..<10 {
                #expect(try await bench.send("POST", "/v1/expenses", token: token, body: "{").status == 400)
            }
            #expect(try await bench.send("POST", "/v1/expenses", token: token, body: Self.body).status == 201)
        }
    }
}

/// `If-Match` on its way to the service that owns the resource.
@Suite(.timeLimit(.minutes(5))) struct ConditionalWriteTests {
    @Test func theServiceIsToldTheVersions() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("DeleteExpense") { (_: DeleteExpenseRequest, context) -> Empty in
                do {
                    try VersionPrecondition(context.metadata).check(3)
                } catch {
                    throw ProblemDetails.status(for: error, logger: .silent)
                }
                return Empty()
            }
            let token = try bench.tokens.make()
            for (header, status) in [
                ("*", 204), (#""3""#, 204), (#""2", "3""#, 204), (#""2""#, 412), (#"W/"3""#, 412), ("3", 412),
                ("", 412),
            ] {
                let answer = try await bench.send(
                    "DELETE", "/v1/expenses/1", token: token, headers: ["If-Match: \(header)"])
                #expect(answer.status == status, "\(header)")
                if status == 412 { #expect(try answer.json("code") == "precondition_failed", "\(header)") }
            }
            #expect(try await bench.send("DELETE", "/v1/expenses/1", token: token).status == 204)
        }
    }

    /// What has no version has no entity tag that could match (RFC 9110 section 13.1.1).
    @Test func nothingMatchesWhereThereAreNoVersions() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("RevokeSession") { (_: RevokeSessionRequest, _) in Empty() }
            let token = try bench.tokens.make()
            let path = "/v1/auth/sessions/\(UUIDv7.make())"
            let stale = try await bench.send("DELETE", path, token: token, headers: [#"If-Match: "1""#])
            #expect(stale.status == 412)
            #expect(bench.services.received.allSatisfy { $0.method != "RevokeSession" })
            #expect(try await bench.send("DELETE", path, token: token, headers: ["If-Match: *"]).status == 204)
        }
    }
}
