import Foundation
import HTTPServer
import HTTPTesting
import Testing
import TestKit

/// Nobody has the server to themselves.
@Suite(.timeLimit(.minutes(5))) struct FairnessTests {
    private static let count = 200

    /// A connection that fails while its producer has the loop takes everything that is written: the producer has to be told.
    @Test(arguments: ["--http1.1", "--http2-prior-knowledge"])
    func aProducerIsToldOfAClientThatIsGone(_ version: String) async throws {
        try await ServerFixture.run({ $0.streamBuffer = 1 }) { fixture in
            let url = "http://127.0.0.1:\(fixture.address.port)/unheard"
            let reading = Task { try await curl([version, "-N", "-o", "/dev/null", url]) }
            try await eventually("it streams") { fixture.events.has("stands still") }
            reading.cancel()
            let status = try await reading.value.status
            fixture.events.goOn()
            #expect(status == SIGKILL)
            try await eventually("it is told") { !fixture.events.outcomes.isEmpty }
            #expect(!fixture.events.has("wrote to nobody"))
            #expect(fixture.events.outcomes.first?.outcome.isComplete == false)
        }
    }

    /// Two clients have sent many requests in one go by the time that the loop looks: it answers both by turns, each in order.
    @Test func manyRequestsInOneGoLetOthersBetween() async throws {
        try await ServerFixture.run { fixture in
            let names = ["a", "b"]
            let clients = try names.map { _ in try SocketClient(fixture.address) }
            for client in clients {
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                _ = try await client.receive(until: "Hello")
            }
            let gate = DispatchSemaphore(value: 0)
            fixture.loop.execute { gate.wait() }
            do {
                defer { gate.signal() }
                for (name, client) in zip(names, clients) {
                    let paths = (0..<Self.count).map { "/\(name)/\($0)" } + ["/close"]
                    try await client.send(paths.map { "GET \($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
                }
            }
            for client in clients {
                let answers = try await client.receiveAll()
                #expect(answers.statuses == Array(repeating: 200, count: Self.count + 1) && answers.hasSuffix("bye"))
            }
            let answered = fixture.events.outcomes.map(\.name)
            let places = names.map { name in answered.indices.filter { answered[$0].hasPrefix("/\(name)/") } }
            for (name, places) in zip(names, places) {
                #expect(places.map { answered[$0] } == (0..<Self.count).map { "/\(name)/\($0)" })
            }
            let spans = try places.map { (begin: try #require($0.first), end: try #require($0.last)) }
            #expect(spans[0].begin < spans[1].end && spans[1].begin < spans[0].end, "\(answered)")
        }
    }
}
