import Contracts
import GatewayAPI
import HTTPTesting
import Testing
import TestKit

/// The gateway as seen by a client that we did not write.
@Suite(.timeLimit(.minutes(5))) struct CurlTests {
    @Test func aSessionOfRequests() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("CreateExpense") { (request: CreateExpenseRequest, _) in
                Expense(id: "e1", amount: request.amount, spentOn: request.spentOn, version: 1)
            }
            let base = "http://\(bench.address)"
            let token = try bench.tokens.make()
            let created = try await curl([
                "-w", "|%{http_code}|%{content_type}", "-H", "Authorization: Bearer \(token)", "--json",
                #"{"amount":{"amount":"1.00","currency":"EUR"},"spent_on":"2026-11-20"}"#, "\(base)/v1/expenses",
            ]).output
            #expect(created.contains(#""id":"e1""#) && created.hasSuffix("|201|application/json"))
            let refused = try await curl(["-i", "\(base)/v1/expenses"]).output
            #expect(refused.hasPrefix("HTTP/1.1 401 Unauthorized\r\n"))
            #expect(refused.contains("WWW-Authenticate: Bearer realm=\"florin\"\r\n"))
            let head = try await curl(["-I", "\(base)/openapi.json"]).output
            #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n") && head.contains("ETag: \""))
        }
    }

    @Test func aStreamUntilTheDrain() async throws {
        try await GatewayBench.run { bench in
            let token = try bench.tokens.make()
            async let reading = curl([
                "-N", "-H", "Authorization: Bearer \(token)", "http://\(bench.address)/v1/events/stream",
            ]).output
            try await eventually("it is open") { bench.streams.count == 1 }
            await bench.server.drain(deadline: .seconds(30))
            #expect(try await reading == "retry: 2000\n: connected\n\n")
        }
    }
}
