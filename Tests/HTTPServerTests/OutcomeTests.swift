import HTTPServer
import HTTPTesting
import Testing
import TestKit

/// What the server says of each response when it is done with it: once, and as it was.
@Suite(.timeLimit(.minutes(5))) struct OutcomeTests {
    /// A connection's requests and what is told of them: `name version received/sent`, with `!` where it broke off.
    struct Case: Sendable, CustomStringConvertible {
        let request: String
        let told: [String]

        init(_ request: String, _ told: String...) {
            self.request = request
            self.told = told
        }

        var description: String { request.debugDescription }
    }

    private static func get(_ path: String, _ fields: String = "", method: String = "GET") -> String {
        "\(method) \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
    }

    private static let close = "Connection: close\r\n"

    @Test(arguments: [
        Case(get("/", close), "/ http11 0/5"),
        Case(get("/", close, method: "HEAD"), "/ http11 0/0"),
        Case("GET / HTTP/1.0\r\n\r\n", "/ http10 0/5"),
        Case(get("/empty", close), "/empty http11 0/0"),
        Case(get("/echo", "Content-Length: 3\r\n\(close)", method: "POST") + "abc", "/echo http11 3/3"),
        Case(
            get("/echo", "Transfer-Encoding: chunked\r\n", method: "POST") + "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
                + get("/", close), "/echo http11 3/3", "/ http11 0/5"),
        Case(get("/pieces") + get("/", close), "/pieces http11 0/20013", "/ http11 0/5"),
        Case(get("/pieces", close, method: "HEAD"), "/pieces http11 0/0"),
        Case("GET /pieces HTTP/1.0\r\n\r\n", "/pieces http10 0/20013"),
        Case(get("/broken"), "/broken http11 0/4!"),
        Case(get("/big", close), "/big http11 0/33554432"),
        Case("GET / HTTP/1.1\r\n\r\n", "missingHost - 0/12"),
        Case(get("/") + "nonsense\r\n\r\n", "/ http11 0/5", "malformedRequestLine - 0/21"),
        Case(get("/echo", "Content-Length: 2000000\r\n", method: "POST"), "bodyTooLarge http11 0/13"),
        Case(
            get("/echo", "Transfer-Encoding: chunked\r\n", method: "POST") + "2\r\nab\r\nx\r\n",
            "malformedChunk http11 2/15"),
    ])
    func eachRequestHasOne(_ request: Case) async throws {
        try await ServerFixture.run { fixture in
            _ = try await SocketClient.exchange(request.request, with: fixture.address)
            try await eventually("all are told") { fixture.events.outcomes.count >= request.told.count }
            #expect(fixture.events.told == request.told)
        }
    }

    @Test(arguments: [
        (["/"], "/ http2 0/5"), (["-I", "/"], "/ http2 0/0"), (["-d", "abc", "/echo"], "/echo http2 3/3"),
        (["/pieces"], "/pieces http2 0/20013"), (["/broken"], "/broken http2 0/4!"),
        (["-X", "BREW", "/"], "unknownMethod http2 0/14"),
        (["-H", "Content-Length: 2000000", "-d", "abc", "/echo"], "bodyTooLarge http2 0/13"),
    ])
    func eachOfHTTP2HasOneToo(_ arguments: [String], _ told: String) async throws {
        try await ServerFixture.run { fixture in
            let url = "http://\(fixture.address)\(arguments.last ?? "")"
            _ = try await curl(["--http2-prior-knowledge"] + arguments.dropLast() + [url])
            try await eventually("it is told") { !fixture.events.outcomes.isEmpty }
            #expect(fixture.events.told == [told])
        }
    }

    @Test(arguments: [("/wait", 9), ("/events", 13), ("/endless", nil)] as [(String, Int?)])
    func aClientThatLeavesIsTold(_ path: String, _ sent: Int?) async throws {
        try await ServerFixture.run { fixture in
            let client = try SocketClient(fixture.address)
            try await client.send(Self.get(path))
            if path == "/wait" {
                try await eventually("the handler runs") { fixture.events.has("waiting") }
            } else {
                _ = try await client.receive(until: "\r\n\r\n")
            }
            client.leave()
            try await eventually("it is told") { !fixture.events.outcomes.isEmpty }
            let (name, outcome) = try #require(fixture.events.outcomes.first)
            #expect(name == path && !outcome.isComplete)
            if let sent { #expect(outcome.sentBytes == sent) } else { #expect(outcome.sentBytes >= 10_000) }
        }
    }

    /// The server answers in the handler's place, and what the handler answers afterwards is nobody's.
    @Test func anAnswerThatIsTooLateIsNotTold() async throws {
        try await ServerFixture.run { configuration in
            configuration.handlerTimeout = .milliseconds(20)
        } _: { fixture in
            let answer = try await SocketClient.exchange(Self.get("/stubborn"), with: fixture.address)
            #expect(answer.hasPrefix("HTTP/1.1 503"))
            try await eventually("the handler returns") { fixture.server.statistics.active == 0 }
            #expect(fixture.events.told == ["handlerTimeout http11 0/15"])
            let outcome = try #require(fixture.events.outcomes.first?.outcome)
            #expect(outcome.duration >= .milliseconds(20))
        }
    }

    @Test func aConnectionTooManyIsTold() async throws {
        try await ServerFixture.run { configuration in
            configuration.maxConnections = 1
        } _: { fixture in
            let client = try SocketClient(fixture.address)
            try await eventually("it is served") { fixture.server.statistics.connections == 1 }
            let other = try SocketClient(fixture.address)
            #expect(try await other.receiveAll().hasPrefix("HTTP/1.1 503"))
            #expect(fixture.events.told == ["tooManyConnections - 0/19"])
            withExtendedLifetime(client) {}
        }
    }

    @Test func aSlowHeadIsTold() async throws {
        try await ServerFixture.run { configuration in
            configuration.headTimeout = .milliseconds(300)
        } _: { fixture in
            var answer = ""
            // Where the first byte was late too the connection ends without a word.
            while answer.isEmpty {
                #expect(fixture.events.told.isEmpty)
                answer = try await SocketClient.exchange("GET / HT", with: fixture.address)
            }
            #expect(answer.hasPrefix("HTTP/1.1 408"))
            #expect(fixture.events.told == ["headTimeout - 0/12"])
        }
    }

    /// A drain ends event streams in order: they are as complete as they can be.
    @Test func aStreamThatTheDrainEndsIsComplete() async throws {
        try await ServerFixture.run { fixture in
            let client = try SocketClient(fixture.address)
            try await client.send(Self.get("/events"))
            _ = try await client.receive(until: "data: first\n\n")
            await fixture.server.drain(deadline: .seconds(30))
            #expect(fixture.events.told == ["/events http11 0/13"])
        }
    }
}

extension Events {
    /// The outcomes in a few words.
    fileprivate var told: [String] {
        outcomes.map { name, outcome in
            let version = outcome.version.map { "\($0)" } ?? "-"
            return "\(name) \(version) \(outcome.receivedBytes)/\(outcome.sentBytes)\(outcome.isComplete ? "" : "!")"
        }
    }
}
