import EventLoop
import HTTPServer
import HTTPTesting
import Testing
import TestKit

/// How a server comes and goes while clients and load balancers go on asking.
@Suite(.timeLimit(.minutes(5))) struct LeavingTests {
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    /// During the notice nobody is turned away or cut off, and everybody is told.
    @Test func aNoticeTellsEverybodyAndRefusesNobody() async throws {
        try await ServerFixture.run { fixture in
            let kept = try SocketClient(fixture.address)
            try await kept.send(Self.get)
            #expect(!(try await kept.receive(until: "Hello").contains("Connection: close")))
            let streaming = try SocketClient(fixture.address)
            try await streaming.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("it streams") { fixture.events.has("streaming") }
            let drained = Task { await fixture.server.drain(notice: .seconds(60), deadline: .seconds(120)) }
            try await eventually("new clients are served and told to leave") {
                let client = try SocketClient(fixture.address)
                try await client.send(Self.get)
                let answer = try await client.receive(until: "Hello")
                return answer.statuses == [200] && answer.contains("Connection: close")
            }
            try await kept.send(Self.get)
            let last = try await kept.receiveAll()
            #expect(last.statuses == [200] && last.contains("Connection: close"))
            let other = try await curl(["--http2-prior-knowledge", "http://\(fixture.address)/"])
            #expect(other.output == "Hello")
            #expect(!fixture.events.has("stream ended"))
            drained.cancel()
            #expect(try await streaming.receiveAll().hasSuffix("data: first\n\n\r\n0\r\n\r\n"))
            await drained.value
            #expect(fixture.server.statistics.connections == 0)
        }
    }

    /// Over HTTP/2 requests go on being answered whatever the client knows of the GOAWAY.
    @Test func aNoticeLosesNoRequestOfHTTP2() async throws {
        try await ServerFixture.run { fixture in
            async let load = runProgram(
                "/usr/bin/h2load", ["-n", "400", "-c", "4", "-m", "10", "http://\(fixture.address)/stubborn"])
            try await eventually("requests are under way") { fixture.server.statistics.active >= 20 }
            await fixture.server.drain(notice: .seconds(1), deadline: .seconds(60))
            let output = try await load.output
            #expect(output.contains("\(fixture.server.statistics.requests) 2xx, 0 3xx, 0 4xx, 0 5xx"), "\(output)")
        }
    }

    /// A proxy would use the connection of a stream again, just as the server ends both.
    @Test func anEventStreamIsTheLastOfItsConnection() async throws {
        try await ServerFixture.run { fixture in
            let client = try SocketClient(fixture.address)
            try await client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await client.receive(until: "\r\n\r\n").contains("Connection: close"))
            try await client.send("HEAD /events HTTP/1.1\r\nHost: a\r\n\r\n")
            let head = try SocketClient(fixture.address)
            try await head.send("HEAD /events HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(!(try await head.receive(until: "\r\n\r\n").contains("Connection: close")))
        }
    }

    @Test func whoConnectsBeforeItOpensWaits() async throws {
        try await ServerFixture.run(isOpen: false) { fixture in
            let early = try SocketClient(fixture.address)
            try await early.send(Self.get)
            // Time enough for a server that would accept.
            try await fixture.loop.sleep(for: .milliseconds(100))
            #expect(early.receiveNow() == [])
            #expect(fixture.server.statistics.connections == 0)
            fixture.server.open()
            #expect(try await early.receive(until: "Hello").statuses == [200])
        }
    }
}
