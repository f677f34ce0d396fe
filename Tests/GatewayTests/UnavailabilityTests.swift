import Contracts
import GRPC
import GatewayAPI
import HTTPTesting
import ServiceRuntime
import Testing
import TestKit
import Tokens

extension ServiceTroubleTests {
    /// Every way in which a service can fail to answer, as the client reads it.
    @Suite(.timeLimit(.minutes(10))) struct UnavailabilityTests {
        /// A way, and what is said of it.
        struct Case: Sendable, CustomTestStringConvertible {
            let testDescription: String
            var mood = Replica.Mood.answers
            var adjust: @Sendable (inout GatewayBench.Options) -> Void = { _ in }
            /// Requests that are sent before the one that is looked at and are not answered meanwhile, or are.
            var before: (held: Int, answered: Int) = (0, 0)
            let status: Int
            let code: String
            var wait = 1...1
        }

        private static let cases = [
            Case(
                testDescription: "nobody listens", adjust: { $0.addresses = ["expense": [.loopback(port: 1)]] },
                status: 503,
                code: "service_unavailable"),
            Case(
                testDescription: "no address is known", adjust: { $0.addresses = ["expense": []] }, status: 503,
                code: "service_unavailable"),
            Case(testDescription: "UNAVAILABLE", mood: .fails, status: 503, code: "service_unavailable"),
            Case(testDescription: "CANCELLED", mood: .says(.cancelled), status: 503, code: "service_unavailable"),
            Case(
                testDescription: "RESOURCE_EXHAUSTED", mood: .says(.resourceExhausted), status: 503, code: "overloaded"),
            Case(testDescription: "DEADLINE_EXCEEDED", mood: .says(.deadlineExceeded), status: 504, code: "timeout"),
            Case(
                testDescription: "deadline", mood: .hangs, adjust: { $0.deadlines.call = .milliseconds(300) },
                status: 504,
                code: "timeout"),
            Case(
                testDescription: "deadline in the queue", mood: .hangs,
                adjust: {
                    $0.deadlines.call = .milliseconds(300)
                    $0.resilience.concurrency = 1
                }, before: (1, 0), status: 504, code: "timeout"),
            Case(
                testDescription: "bulkhead", mood: .hangs,
                adjust: {
                    $0.resilience.concurrency = 1
                    $0.resilience.queue = 1
                }, before: (2, 0), status: 503, code: "overloaded"),
            Case(
                testDescription: "circuit", mood: .fails, before: (0, 5), status: 503, code: "service_unavailable",
                wait: 1...30),
            Case(
                testDescription: "database away",
                mood: .refuses(.unavailable("database_unavailable", "The database does not answer at present.")),
                status: 503, code: "database_unavailable"),
            Case(
                testDescription: "the service's own 504", mood: .refuses(ProblemDetails(code: "timeout", status: 504)),
                status: 504, code: "timeout"),
        ]

        @Test(arguments: cases) func namesTheServiceAndSaysWhenToComeBack(_ one: Case) async throws {
            try await Replica.with(1, one.mood) { replicas in
                try await GatewayBench.run {
                    $0.addresses = ["expense": [replicas[0].address]]
                    one.adjust(&$0)
                } _: { bench in
                    let token = try bench.tokens.make()
                    let held = try (0..<one.before.held).map { _ in try SocketClient(bench.address) }
                    for client in held {
                        try await client.send(bench.request("GET", "/v1/expenses", token: token))
                    }
                    try await eventually("they are where they are to be") {
                        let waiting = bench.sample(#"florin_dependency_waiting{service="expense"}"#) ?? 0
                        return replicas[0].running + Int(waiting) == one.before.held
                    }
                    for _ in 0..<one.before.answered {
                        let body = #"{"amount":{"amount":"1.00","currency":"EUR"},"spent_on":"2026-11-20"}"#
                        _ = try await bench.send("POST", "/v1/expenses", token: token, body: body)
                    }
                    let answer = try await bench.send("GET", "/v1/expenses", token: token)
                    #expect(answer.status == one.status)
                    #expect(answer["content-type"] == "application/problem+json")
                    #expect(try answer.json("code") == one.code)
                    #expect(try answer.json("dependency") == "expense")
                    #expect(answer["retry-after"].flatMap { Int($0) }.map(one.wait.contains) == true)
                    for client in held { client.leave() }
                }
            }
        }

        /// The connection breaks while the call is under way.
        @Test func aServiceThatDiesIsNamed() async throws {
            try await Replica.with(1, .hangs) { replicas in
                try await GatewayBench.run {
                    $0.addresses = ["expense": [replicas[0].address]]
                } _: { bench in
                    let client = try SocketClient(bench.address)
                    try await client.send(
                        bench.request("GET", "/v1/expenses", token: bench.tokens.make()))
                    try await eventually("the service is called") { replicas[0].running == 1 }
                    await replicas[0].stop()
                    let answer = try await client.answer()
                    #expect(answer.status == 503 && answer["retry-after"] == "1")
                    #expect(try answer.json("code") == "service_unavailable" && answer.json("dependency") == "expense")
                }
            }
        }

        /// What the gateway asks for itself on a request's way: the keys, a personal token, the archive, what a stream has missed.
        @Test func whatTheGatewayAsksItselfIsNamedAsWell() async throws {
            try await GatewayBench.run {
                $0.missing = ["auth"]
            } _: { bench in
                let token = PersonalToken.make().text
                for (path, token) in [("/.well-known/jwks.json", nil), ("/v1/expenses", token)] {
                    let answer = try await bench.send("GET", path, token: token)
                    #expect(answer.status == 503 && answer["retry-after"] == "1", "\(path)")
                    #expect(try answer.json("dependency") == "auth", "\(path)")
                }
            }
            try await GatewayBench.run {
                $0.missing = ["events"]
            } _: { bench in
                bench.services.on("ReadArchive") { (_: ArchiveRequest, _) in ArchivePage() }
                let token = try bench.tokens.make()
                let id = "019aa1b2-0000-7000-8000-00000000000a"
                for (path, headers) in [("/v1/users/me/export", []), ("/v1/events/stream", ["Last-Event-ID: \(id)"])] {
                    let answer = try await bench.send("GET", path, token: token, headers: headers)
                    #expect(answer.status == 503 && answer["retry-after"] == "1", "\(path)")
                    #expect(try answer.json("dependency") == "events", "\(path)")
                }
            }
        }
    }
}
