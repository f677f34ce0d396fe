import Contracts
import GatewayAPI
import HTTPTesting
import Testing
import TestKit

extension ServiceTroubleTests {
    /// The circuit before a service, by a clock that the test moves.
    @Suite(.timeLimit(.minutes(10))) struct CircuitTests {
        private static let body = #"{"amount":{"amount":"1.00","currency":"EUR"},"spent_on":"2026-11-20"}"#
        private let clock = ShiftedClock()

        private func run(_ body: (GatewayBench, Replica, String) async throws -> Void) async throws {
            try await Replica.with(1, .fails) { replicas in
                try await GatewayBench.run {
                    $0.addresses = ["expense": [replicas[0].address]]
                    $0.clock = clock
                } _: { bench in
                    try await body(bench, replicas[0], try bench.tokens.make())
                }
            }
        }

        /// Writes, since they are not repeated: each request is one attempt.
        private func write(_ count: Int, _ bench: GatewayBench, _ token: String) async throws -> [Answer] {
            var answers: [Answer] = []
            for _ in 0..<count {
                answers.append(try await bench.send("POST", "/v1/expenses", token: token, body: Self.body))
            }
            return answers
        }

        @Test func opensOnTheFifthFailureAndRefusesAtOnce() async throws {
            try await run { bench, replica, token in
                #expect(try await write(4, bench, token).allSatisfy { $0.status == 503 && $0["retry-after"] == "1" })
                #expect(bench.sample(#"florin_dependency_circuit{service="expense"}"#) == 0)
                _ = try await write(1, bench, token)
                #expect(replica.calls == 5 && bench.sample(#"florin_dependency_circuit{service="expense"}"#) == 2)
                clock.advance(by: .seconds(10))
                for answer in try await write(20, bench, token) {
                    #expect(answer.status == 503)
                    #expect(try answer.json("code") == "service_unavailable" && answer.json("dependency") == "expense")
                    #expect(answer["retry-after"] == "20")
                }
                #expect(replica.calls == 5)
            }
        }

        @Test func whatFailedLongAgoDoesNotCount() async throws {
            try await run { bench, replica, token in
                for _ in 0..<4 {
                    _ = try await write(4, bench, token)
                    clock.advance(by: .seconds(10))
                }
                #expect(replica.calls == 16)
                #expect(bench.sample(#"florin_dependency_circuit{service="expense"}"#) == 0)
            }
        }

        @Test func oneOfManyProbes() async throws {
            try await run { bench, replica, token in
                _ = try await write(5, bench, token)
                replica.turn(.hangs)
                clock.advance(by: .seconds(30))
                let clients = try (0..<64).map { _ in try SocketClient(bench.address) }
                for client in clients { try await client.send(bench.request("GET", "/v1/expenses", token: token)) }
                try await eventually("one probes, the others are refused") {
                    replica.calls(of: "ListExpenses") == 1
                        && bench.sample(
                            #"florin_dependency_refusals_total{service="expense",reason="circuit_open"}"#) == 63
                }
                #expect(replica.running == 1)
                #expect(bench.sample(#"florin_dependency_circuit{service="expense"}"#) == 1)
                // The one that probes leaves with the others: then the next one finds out.
                for client in clients { client.leave() }
                try await eventually("nobody probes") { replica.running == 0 }
                try await eventually("the circuit waits for the next") {
                    bench.sample(#"florin_dependency_circuit{service="expense"}"#) == 2
                }
                replica.turn(.answers)
                #expect(try await bench.send("GET", "/v1/expenses", token: token).status == 200)
                #expect(bench.sample(#"florin_dependency_circuit{service="expense"}"#) == 0)
                let outcome = try await bench.load(64, bench.request("GET", "/v1/expenses", token: token))
                #expect(outcome.statuses == [200: 64])
            }
        }

        @Test func aProbeThatFailsOpensItAgain() async throws {
            try await run { bench, replica, token in
                _ = try await write(5, bench, token)
                for round in 1...3 {
                    clock.advance(by: .seconds(30))
                    let answers = try await write(10, bench, token)
                    #expect(answers.allSatisfy { $0.status == 503 })
                    #expect(replica.calls == 5 + round)
                }
            }
        }

        /// What the gateway asks on a request's way is stopped and let through by the same rules as routes are.
        @Test(arguments: Question.own) func isTheSameForWhatTheGatewayAsksItself(_ question: Question) async throws {
            try await Replica.with(1, .fails) { replicas in
                try await GatewayBench.run {
                    $0.addresses = [question.service: [replicas[0].address]]
                    $0.clock = clock
                    // Each request is one attempt.
                    $0.resilience.retryCapacity = 0
                } _: { bench in
                    bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) in ExpenseList() }
                    let (replica, request) = (replicas[0], try question.request(bench))
                    for count in 1...5 {
                        #expect(bench.sample("florin_dependency_circuit", of: question.service) ?? 0 == 0)
                        let answer = try await bench.send(request)
                        #expect(answer.status == 503 && answer["retry-after"] == "1" && replica.calls == count)
                    }
                    #expect(bench.sample("florin_dependency_circuit", of: question.service) == 2)
                    clock.advance(by: .seconds(10))
                    for _ in 0..<20 {
                        let answer = try await bench.send(request)
                        #expect(try answer.status == 503 && answer.json("dependency") == question.service)
                        #expect(answer["retry-after"] == "20")
                    }
                    #expect(replica.calls == 5)
                    clock.advance(by: .seconds(30))
                    #expect(try await bench.status(of: request) == 503 && replica.calls == 6)
                    replica.turn(.answers)
                    #expect(try await bench.status(of: request) == 503 && replica.calls == 6)
                    clock.advance(by: .seconds(30))
                    #expect(try await bench.status(of: request) == 200)
                    #expect(bench.sample("florin_dependency_circuit", of: question.service) == 0)
                }
            }
        }
    }
}
