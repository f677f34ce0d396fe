import EventLoop
import GRPC
import GatewayAPI
import HTTPTesting
import Synchronization
import Testing
import TestKit

extension ServiceTroubleTests {
    /// A service that is away altogether, and a thousand requests for it: what is counted is what arrives at the service.
    @Suite(.timeLimit(.minutes(10))) struct OutageTests {
        private static let requests = 1000
        /// What a full outage may become by repetitions.
        private static let most = 1100
        /// Where less tells as much.
        private static let some = 200
        private static let body = #"{"amount":{"amount":"1.00","currency":"EUR"},"spent_on":"2026-11-20"}"#

        /// An outage in one of its forms.
        struct Outage: Sendable, CustomTestStringConvertible {
            let mood: Replica.Mood
            let statuses: Set<Int>
            let testDescription: String
        }

        private static let outages = [
            Outage(mood: .fails, statuses: [503], testDescription: "answers UNAVAILABLE"),
            Outage(mood: .hangs, statuses: [504, 503], testDescription: "hangs"),
        ]

        private func run(
            _ mood: Replica.Mood, _ question: Question = .route, hasCircuit: Bool,
            _ body: (GatewayBench, Replica) async throws -> Void
        ) async throws {
            try await Replica.with(1, mood) { replicas in
                try await GatewayBench.run {
                    $0.addresses = [question.service: [replicas[0].address]]
                    $0.streams.maximumStreamsPerUser = Self.requests
                    if case .hangs = mood { $0.answerWithin(.milliseconds(150)) }
                    if !hasCircuit { $0.resilience.circuit.failures = .max }
                } _: { bench in
                    try await body(bench, replicas[0])
                }
            }
        }

        private func expectRefusals(
            _ outcome: LoadOutcome, of count: Int, _ statuses: Set<Int>, by service: String = "expense"
        ) throws {
            #expect(outcome.answers.count == count)
            #expect(statuses.isSuperset(of: outcome.statuses.keys), "\(outcome.statuses)")
            for answer in outcome.answers {
                #expect(answer["retry-after"] != nil)
                #expect(try answer.json("dependency") == service)
            }
        }

        /// As it is: the circuit opens, and next to nothing arrives.
        @Test(arguments: outages, Question.allCases)
        func theServiceIsLeftAlone(_ outage: Outage, _ question: Question) async throws {
            try await run(outage.mood, question, hasCircuit: true) { bench, replica in
                let outcome = try await bench.load(Self.some, question.request(bench))
                try expectRefusals(outcome, of: Self.some, outage.statuses, by: question.service)
                // Five failures open the circuit; what was under way on the other connections meanwhile arrives as well.
                #expect((5...5 + 16 + 10).contains(replica.calls), "\(replica.calls)")
            }
        }

        /// Without the circuit: the budget of repetitions alone holds.
        @Test(arguments: outages, Question.allCases)
        func theBudgetAloneIsEnough(_ outage: Outage, _ question: Question) async throws {
            try await run(outage.mood, question, hasCircuit: false) { bench, replica in
                let outcome = try await bench.load(Self.requests, over: 64, question.request(bench))
                try expectRefusals(outcome, of: Self.requests, outage.statuses, by: question.service)
                #expect(replica.calls <= Self.most, "\(replica.calls)")
                // What failed was repeated as far as the budget goes; what had no time left was not.
                let retries = bench.sample("florin_dependency_retries_total", of: question.service)
                if case .fails = outage.mood {
                    #expect(replica.calls == Self.requests + 10 && retries == 10)
                } else {
                    #expect(retries == 0)
                }
            }
        }

        @Test func whatMayHaveHadAnEffectIsNotRepeated() async throws {
            try await run(.fails, hasCircuit: false) { bench, replica in
                let request = bench.request(
                    "POST", "/v1/expenses", token: try bench.tokens.make(), headers: ["Idempotency-Key: k"],
                    body: Self.body)
                let outcome = try await bench.load(Self.some, request)
                try expectRefusals(outcome, of: Self.some, [503])
                #expect(replica.calls == Self.some)
            }
        }

        /// Nothing listens: each request is refused, and the budget holds for what could be attempted without a server as well.
        @Test(arguments: Question.allCases) func nobodyIsThere(_ question: Question) async throws {
            try await GatewayBench.run {
                $0.missing = [question.service]
                $0.streams.maximumStreamsPerUser = Self.requests
            } _: { bench in
                let outcome = try await bench.load(Self.requests, question.request(bench))
                try expectRefusals(outcome, of: Self.requests, [503], by: question.service)
                let attempts = try #require(
                    bench.sample(
                        #"florin_dependency_attempts_total{service="\#(question.service)",outcome="unsent"}"#))
                #expect((Double(Self.requests)...Double(Self.most)).contains(attempts), "\(attempts)")
            }
        }

        /// Each connection is taken and closed at once: the pauses between them grow, whatever is asked of the gateway.
        @Test func theDoorIsShut() async throws {
            let loop = try EventLoop(name: "shut")
            loop.start()
            let taken = Atomic<Int>(0)
            let listener = try await loop.run {
                try TCPListener.listen(on: .loopback(port: 0), loop: loop) { connection in
                    taken.add(1, ordering: .relaxed)
                    connection.close()
                }
            }
            try await GatewayBench.run {
                $0.addresses = ["expense": [listener.localAddress]]
            } _: { bench in
                let token = try bench.tokens.make()
                let outcome = try await bench.load(Self.some, bench.request("GET", "/v1/expenses", token: token))
                try expectRefusals(outcome, of: Self.some, [503])
                #expect((1...Self.some / 2).contains(taken.load(ordering: .relaxed)))
            }
            await listener.close()
            await loop.shutdown()
        }

        /// A host that swallows everything: once an attempt to connect has failed nobody waits for the next.
        @Test func aHostThatSaysNothingHoldsNobodyUp() async throws {
            let loop = try EventLoop(name: "silent")
            loop.start()
            let first = try await loop.run { try TCPListener.listen(on: .loopback(port: 0), loop: loop) { $0.close() } }
            let address = first.localAddress
            await first.close()
            let held = Mutex<[TCPConnection]>([])
            try await GatewayBench.run {
                $0.addresses = ["expense": [address]]
                $0.channel.connectTimeout = .seconds(600)
                $0.channel.backoff = Backoff(initial: .milliseconds(10), maximum: .milliseconds(10))
            } _: { bench in
                let request = bench.request("GET", "/v1/expenses", token: try bench.tokens.make())
                #expect(try await bench.load(1, over: 1, request).statuses == [503: 1])
                let listener = try await loop.run {
                    try TCPListener.listen(on: address, loop: loop) { connection in
                        held.withLock { $0.append(connection) }
                    }
                }
                try await eventually("an attempt is under way that nobody answers") { held.withLock(\.count) == 1 }
                let outcome = try await bench.load(Self.some, request)
                try expectRefusals(outcome, of: Self.some, [503])
                #expect(held.withLock(\.count) == 1)
                await listener.close()
            }
            try await loop.run { for connection in held.withLock({ $0 }) { connection.close() } }
            await loop.shutdown()
        }
    }
}
