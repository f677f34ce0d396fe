import EventLoop
import GRPC
import GatewayAPI
import HTTPTesting
import Testing
import TestKit

extension ServiceTroubleTests {
    /// Several processes of one service: who is asked, who is spared, who is asked again.
    @Suite(.timeLimit(.minutes(10))) struct ReplicaTests {
        private static let body = #"{"amount":{"amount":"1.00","currency":"EUR"},"spent_on":"2026-11-20"}"#

        private func run(
            _ count: Int, deadline: Duration = .seconds(50), ejection: Duration = .seconds(3600),
            clock: ShiftedClock? = nil,
            _ body: (GatewayBench, [Replica], String) async throws -> Void
        ) async throws {
            try await Replica.with(count) { replicas in
                try await GatewayBench.run {
                    $0.addresses = ["expense": replicas.map(\.address)]
                    $0.deadlines.call = deadline
                    $0.clock = clock
                    $0.channel.ejection.base = ejection
                    $0.channel.ejection.maximum = ejection
                    $0.channel.backoff = Backoff(initial: .milliseconds(10), maximum: .milliseconds(100))
                } _: { bench in
                    let token = try bench.tokens.make()
                    try await eventually("all are connected and used") {
                        _ = try await bench.load(count, over: 1, bench.request("GET", "/v1/expenses", token: token))
                        return replicas.allSatisfy { $0.calls > 0 }
                    }
                    try await body(bench, replicas, token)
                }
            }
        }

        private func get(_ bench: GatewayBench, _ token: String) -> String {
            bench.request("GET", "/v1/expenses", token: token)
        }

        private func post(_ bench: GatewayBench, _ token: String) -> String {
            bench.request("POST", "/v1/expenses", token: token, body: Self.body)
        }

        @Test func callsAreSpreadEvenly() async throws {
            try await run(4) { bench, replicas, token in
                let before = replicas.map(\.calls)
                let outcome = try await bench.load(1000, get(bench, token))
                #expect(outcome.statuses == [200: 1000])
                let shares = zip(replicas, before).map { $0.calls - $1 }
                #expect(shares.reduce(0, +) == 1000 && shares.allSatisfy { (245...255).contains($0) }, "\(shares)")
            }
        }

        /// The bad one costs five calls, which are told so where they cannot be repeated; the service as a whole stays in use.
        @Test func oneThatFailsIsSpared() async throws {
            try await run(2) { bench, replicas, token in
                replicas[0].turn(.fails)
                let before = replicas.map(\.calls)
                let outcome = try await bench.load(100, over: 1, post(bench, token))
                #expect(outcome.statuses == [201: 95, 503: 5])
                #expect(replicas[0].calls - before[0] == 5)
                #expect(bench.sample(#"florin_dependency_circuit{service="expense"}"#) == 0)
            }
        }

        @Test func readsDoNotNoticeOneThatFails() async throws {
            try await run(3) { bench, replicas, token in
                replicas[1].turn(.fails)
                let outcome = try await bench.load(200, get(bench, token))
                #expect(outcome.statuses == [200: 200])
                // Sixteen connections may have had a call there before the fifth failure was known.
                #expect(replicas[1].calls < 50)
                #expect(bench.sample(#"florin_dependency_circuit{service="expense"}"#) == 0)
            }
        }

        /// Many at once: what was sent before the fifth failure fails as well, and is not held against the service.
        @Test func oneThatHangsTakesOnlyWhatItHolds() async throws {
            try await run(2, deadline: .seconds(6)) { bench, replicas, token in
                replicas[0].turn(.hangs)
                let before = replicas[0].calls
                let outcome = try await bench.load(80, over: 20, get(bench, token))
                let held = replicas[0].calls - before
                #expect(outcome.statuses[504, default: 0] == held)
                #expect(outcome.statuses[200, default: 0] == 80 - held, "\(outcome.statuses)")
                // Up to four clients may come again before the fifth time-out.
                #expect((5...24).contains(held), "\(held)")
                #expect(bench.sample(#"florin_dependency_circuit{service="expense"}"#) == 0)
                #expect(replicas[0].running == 0)
            }
        }

        @Test func allThatFailOpenTheCircuit() async throws {
            try await run(2, clock: ShiftedClock()) { bench, replicas, token in
                for replica in replicas { replica.turn(.fails) }
                let before = replicas.map(\.calls).reduce(0, +)
                _ = try await bench.load(100, over: 1, post(bench, token))
                #expect(replicas.map(\.calls).reduce(0, +) - before == 5)
                #expect(bench.sample(#"florin_dependency_circuit{service="expense"}"#) == 2)
            }
        }

        /// After its time one call at a time finds out; with the first that is answered it has its share again.
        @Test func oneThatWasSparedComesBack() async throws {
            try await run(2, ejection: .milliseconds(500)) { bench, replicas, token in
                replicas[0].turn(.fails)
                _ = try await bench.load(100, over: 1, post(bench, token))
                let spared = replicas[0].calls
                try await eventually("it is tried again and spared again") {
                    _ = try await bench.load(20, over: 1, get(bench, token))
                    return replicas[0].calls >= spared + 3
                }
                #expect(bench.sample(#"florin_dependency_circuit{service="expense"}"#) == 0)
                replicas[0].turn(.answers)
                try await eventually("it has its share again") {
                    let before = replicas.map(\.calls)
                    _ = try await bench.load(20, over: 1, get(bench, token))
                    return replicas[0].calls - before[0] == 10
                }
            }
        }

        @Test func oneThatIsStoppedIsMissedByNobodyAndFoundAgain() async throws {
            try await run(2) { bench, replicas, token in
                await replicas[0].stop()
                let outcome = try await bench.load(200, get(bench, token))
                #expect(outcome.statuses == [200: 200])
                let writes = try await bench.load(50, post(bench, token))
                #expect(writes.statuses == [201: 50])
                let again = try await Replica(at: replicas[0].address)
                try await eventually("it is used again") {
                    _ = try await bench.load(2, over: 1, get(bench, token))
                    return again.calls > 0
                }
                await again.stop()
            }
        }
    }
}
