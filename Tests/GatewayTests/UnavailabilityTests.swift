import Contracts
import GRPC
import GatewayAPI
import HTTPTesting
import ServiceRuntime
import Testing
import TestKit

extension ServiceTroubleTests {
    /// Every way in which a service can fail to answer, as the client reads it.
    @Suite(.timeLimit(.minutes(10))) struct UnavailabilityTests {
        /// A way, and what is said of it.
        struct Case: Sendable, CustomTestStringConvertible {
            let testDescription: String
            var mood = Replica.Mood.answers
            /// What is otherwise, given the name of the service.
            var adjust: @Sendable (inout GatewayBench.Options, String) -> Void = { _, _ in }
            /// Requests that are sent before the one that is looked at and are not answered meanwhile, or are.
            var before: (held: Int, answered: Int) = (0, 0)
            let status: Int
            let code: String
            var wait = 1...1
        }

        private static let cases = [
            Case(
                testDescription: "nobody listens", adjust: { $0.missing = [$1] }, status: 503,
                code: "service_unavailable"),
            Case(
                testDescription: "no address is known", adjust: { $0.addresses = [$1: []] }, status: 503,
                code: "service_unavailable"),
            Case(testDescription: "UNAVAILABLE", mood: .fails, status: 503, code: "service_unavailable"),
            Case(testDescription: "CANCELLED", mood: .says(.cancelled), status: 503, code: "service_unavailable"),
            Case(
                testDescription: "RESOURCE_EXHAUSTED", mood: .says(.resourceExhausted), status: 503, code: "overloaded"),
            Case(testDescription: "DEADLINE_EXCEEDED", mood: .says(.deadlineExceeded), status: 504, code: "timeout"),
            Case(
                testDescription: "deadline", mood: .hangs,
                adjust: { options, _ in options.answerWithin(.milliseconds(300)) }, status: 504, code: "timeout"),
            Case(
                testDescription: "deadline in the queue", mood: .hangs,
                adjust: { options, _ in
                    options.answerWithin(.milliseconds(300))
                    options.resilience.concurrency = 1
                }, before: (1, 0), status: 504, code: "timeout"),
            Case(
                testDescription: "bulkhead", mood: .hangs,
                adjust: { options, _ in
                    options.resilience.concurrency = 1
                    options.resilience.queue = 1
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

        @Test(arguments: cases, Question.allCases)
        func namesTheServiceAndSaysWhenToComeBack(_ one: Case, _ question: Question) async throws {
            try await Replica.with(1, one.mood) { replicas in
                try await GatewayBench.run {
                    $0.addresses = [question.service: [replicas[0].address]]
                    one.adjust(&$0, question.service)
                } _: { bench in
                    let request = try question.request(bench)
                    let held = try (0..<one.before.held).map { _ in try SocketClient(bench.address) }
                    for client in held { try await client.send(request) }
                    try await eventually("they are where they are to be") {
                        let waiting = bench.sample("florin_dependency_waiting", of: question.service) ?? 0
                        return replicas[0].calls + Int(waiting) >= one.before.held
                    }
                    for _ in 0..<one.before.answered { _ = try await bench.send(request) }
                    let answer = try await bench.send(request)
                    #expect(answer.status == one.status)
                    #expect(answer["content-type"] == "application/problem+json")
                    #expect(try answer.json("code") == one.code)
                    #expect(try answer.json("dependency") == question.service)
                    #expect(answer["retry-after"].flatMap { Int($0) }.map(one.wait.contains) == true)
                    for client in held { client.leave() }
                }
            }
        }

        /// The connection breaks while the call is under way.
        @Test(arguments: Question.allCases) func aServiceThatDiesIsNamed(_ question: Question) async throws {
            try await Replica.with(1, .hangs) { replicas in
                try await GatewayBench.run {
                    $0.addresses = [question.service: [replicas[0].address]]
                } _: { bench in
                    let client = try SocketClient(bench.address)
                    try await client.send(question.request(bench))
                    try await eventually("the service is called") { replicas[0].running == 1 }
                    await replicas[0].stop()
                    let answer = try await client.answer()
                    #expect(answer.status == 503 && answer["retry-after"] == "1")
                    #expect(try answer.json("code") == "service_unavailable")
                    #expect(try answer.json("dependency") == question.service)
                }
            }
        }

        /// What else the gateway asks for itself: the keys, the archive.
        @Test func theKeysAndTheArchiveAreNamedAsWell() async throws {
            for (service, path) in [("auth", "/.well-known/jwks.json"), ("events", "/v1/users/me/export")] {
                try await GatewayBench.run {
                    $0.missing = [service]
                } _: { bench in
                    bench.services.on("ReadArchive") { (_: ArchiveRequest, _) in ArchivePage() }
                    let answer = try await bench.send("GET", path, token: try bench.tokens.make())
                    #expect(answer.status == 503 && answer["retry-after"] == "1", "\(path)")
                    #expect(try answer.json("dependency") == service, "\(path)")
                }
            }
        }
    }
}
