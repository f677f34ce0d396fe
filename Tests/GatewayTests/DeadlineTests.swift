import GatewayAPI
import HTTPTesting
import Testing
import TestKit

extension ServiceTroubleTests {
    /// No call goes on for a caller who has gone, or whose time is over: seen at the other end, in the handler of the service.
    @Suite(.timeLimit(.minutes(10))) struct DeadlineTests {
        /// How a client leaves.
        enum Departure: CaseIterable, Sendable {
            case close, reset, cancelStream, closeHTTP2
        }

        @Test(arguments: Departure.allCases) func aClientThatLeavesEndsTheHandlerOfTheService(
            _ departure: Departure
        ) async throws {
            try await Replica.with(1, .hangs) { replicas in
                try await GatewayBench.run {
                    $0.addresses = ["expense": [replicas[0].address]]
                } _: { bench in
                    let token = try bench.tokens.make()
                    let client = try SocketClient(bench.address)
                    switch departure {
                    case .close, .reset:
                        try await client.send(bench.request("GET", "/v1/expenses", token: token))
                    case .cancelStream, .closeHTTP2:
                        try await client.send(
                            HTTP2Request.preface + HTTP2Request.get("/v1/expenses", token: token, stream: 1))
                    }
                    try await eventually("the service is called") { replicas[0].running == 1 }
                    switch departure {
                    case .close, .closeHTTP2: client.leave()
                    case .reset: client.reset()
                    case .cancelStream: try await client.send(HTTP2Request.cancel(stream: 1))
                    }
                    try await eventually("its handler is cancelled", within: .seconds(30)) {
                        replicas[0].abandoned == 1
                    }
                    try await eventually("nothing is under way") {
                        bench.sample(#"florin_dependency_calls{service="expense"}"#) == 0
                    }
                    // The service is not to blame: its circuit has counted nothing.
                    #expect(
                        bench.sample(#"florin_dependency_attempts_total{service="expense",outcome="cancelled"}"#) == 1)
                    replicas[0].turn(.answers)
                    #expect(try await bench.send("GET", "/v1/expenses", token: token).status == 200)
                }
            }
        }

        @Test func theServiceIsToldHowLongItMayTakeAndEndsThen() async throws {
            try await Replica.with(1, .hangs) { replicas in
                try await GatewayBench.run {
                    $0.addresses = ["expense": [replicas[0].address]]
                    $0.deadlines.call = .seconds(6)
                } _: { bench in
                    let answer = try await bench.send("GET", "/v1/expenses", token: bench.tokens.make())
                    #expect(answer.status == 504 && answer["retry-after"] == "1")
                    #expect(try answer.json("code") == "timeout" && answer.json("dependency") == "expense")
                    try await eventually("the handler is told", within: .seconds(30)) { replicas[0].abandoned == 1 }
                    let given = try #require(replicas[0].given.first)
                    #expect(given > .zero && given <= .seconds(6))
                    #expect(replicas[0].calls == 1)
                }
            }
        }

        /// Time spent in the queue before a service is time of the call.
        @Test func aCallThatWaitsForItsTurnHasNoMoreTime() async throws {
            try await Replica.with(1, .hangs) { replicas in
                try await GatewayBench.run {
                    $0.addresses = ["expense": [replicas[0].address]]
                    $0.resilience.concurrency = 1
                    $0.deadlines.call = .seconds(6)
                } _: { bench in
                    let token = try bench.tokens.make()
                    let clients = try (0..<3).map { _ in try SocketClient(bench.address) }
                    for client in clients { try await client.send(bench.request("GET", "/v1/expenses", token: token)) }
                    for client in clients {
                        let answer = try await client.answer()
                        #expect(answer.status == 504)
                        #expect(try answer.json("dependency") == "expense")
                    }
                    try await eventually("no handler is left", within: .seconds(30)) { replicas[0].running == 0 }
                    // Whoever came second had next to nothing left when the first one's time was over.
                    #expect(replicas[0].given.dropFirst().allSatisfy { $0 < .seconds(3) })
                }
            }
        }
    }
}
