import EventLoop
import Foundation
import HTTPServer
import HTTPTesting
import Testing
import TestKit

@Suite struct HTTPServerLifetimeTests {
    /// Sends the beginning, then the pieces slowly as long as they are taken; everything that came back.
    private static func trickle(
        _ beginning: String, _ pieces: [String], to fixture: ServerFixture
    ) async throws -> String {
        let client = try SocketClient(fixture.address)
        if !beginning.isEmpty { try await client.send(beginning) }
        async let all = client.receiveAll()
        for piece in pieces {
            do { try await client.send(piece) } catch { break }
            try await Task.sleep(for: .milliseconds(10))
        }
        return try await all
    }

    /// Asks until there is an answer: where the first byte of a connection is late, on a busy machine, it ends without a word.
    private func answered(_ ask: () async throws -> String) async throws -> String {
        var answer = ""
        try await eventually("there is an answer") {
            answer = try await ask()
            return !answer.isEmpty
        }
        return answer
    }

    @Test func aHeadHasADeadline() async throws {
        try await ServerFixture.run({ $0.headTimeout = .milliseconds(500) }) { fixture in
            let head = "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: " + String(repeating: "a", count: 500)
            // A byte now and then does not move the deadline.
            let answer = try await answered { try await Self.trickle("", head.map(String.init), to: fixture) }
            #expect(answer.statuses == [408])
        }
    }

    @Test func contentHasADeadline() async throws {
        try await ServerFixture.run({ $0.bodyTimeout = .milliseconds(100) }) { fixture in
            let text = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc"
            let statuses = try await SocketClient.exchange(text, with: fixture.address).statuses
            #expect(statuses == [408])
        }
    }

    /// A byte now and then does not move the deadline, however the end of the content is told.
    @Test(arguments: [
        ("Content-Length: 1000", "x"), ("Transfer-Encoding: chunked", "1\r\nx\r\n"),
    ])
    func contentHasADeadlineInAll(framing: String, piece: String) async throws {
        try await ServerFixture.run({ $0.bodyTimeout = .milliseconds(500) }) { fixture in
            let head = "POST /echo HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n"
            let answer = try await Self.trickle(head, Array(repeating: piece, count: 900), to: fixture)
            #expect(answer.statuses == [408])
            #expect(fixture.server.statistics.requests == 0)
        }
    }

    /// Each request of a connection has the deadlines of the first.
    @Test func aFurtherHeadHasADeadline() async throws {
        try await ServerFixture.run({ $0.headTimeout = .milliseconds(500) }) { fixture in
            let first = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT"
            let answer = try await answered {
                try await Self.trickle(first, Array(repeating: "T", count: 900), to: fixture)
            }
            #expect(answer.statuses == [200, 408])
        }
    }

    @Test func silentConnectionsClose() async throws {
        try await ServerFixture.run({
            $0.headTimeout = .seconds(1)
            $0.idleTimeout = .milliseconds(100)
        }) { fixture in
            let silent = try SocketClient(fixture.address)
            #expect(try await silent.receiveAll().isEmpty)
            let idle = try await answered {
                try await SocketClient.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n", with: fixture.address)
            }
            #expect(idle.statuses == [200])
            try await eventually("both are gone") { fixture.server.statistics.connections == 0 }
        }
    }

    @Test func aHandlerHasADeadline() async throws {
        try await ServerFixture.run({ $0.handlerTimeout = .milliseconds(100) }) { fixture in
            let response = try await SocketClient.exchange(
                "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n", with: fixture.address)
            #expect(response.statuses == [503])
            #expect(response.contains("handlerTimeout"))
            try await eventually("it is cancelled") { fixture.events.has("cancelled") }
        }
    }

    @Test func aClientThatTakesNothingIsCutOff() async throws {
        try await ServerFixture.run({ $0.writeTimeout = .milliseconds(100) }) { fixture in
            let streaming = try SocketClient(fixture.address, receiveBuffer: 4096)
            try await streaming.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("the producer ends") { fixture.events.has("endless ended") }
            try await eventually("the connection is gone") { fixture.server.statistics.connections == 0 }
            try await eventually("no handler runs") { fixture.server.statistics.active == 0 }
        }
    }

    @Test func aClientThatLeavesCancelsItsHandler() async throws {
        try await ServerFixture.run { fixture in
            let client = try SocketClient(fixture.address)
            try await client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("the handler runs") { fixture.events.has("waiting") }
            client.leave()
            try await eventually("the handler is cancelled") { fixture.events.has("cancelled") }
            try await eventually("the connection is gone") { fixture.server.statistics.connections == 0 }
            try await eventually("no handler runs") { fixture.server.statistics.active == 0 }
        }
    }

    @Test func aClientThatLeavesEndsItsStream() async throws {
        try await ServerFixture.run { fixture in
            let client = try SocketClient(fixture.address)
            try await client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("it streams") { fixture.events.has("streaming") }
            client.leave()
            try await eventually("the producer ends") { fixture.events.has("stream ended") }
            try await eventually("nothing is left") { fixture.server.statistics.active == 0 }
        }
    }

    @Test func aClientThatHasFinishedSendingIsAnswered() async throws {
        try await ServerFixture.run({ $0.halfCloseGrace = .seconds(60) }) { fixture in
            let client = try SocketClient(fixture.address)
            let one = "GET /stubborn HTTP/1.1\r\nHost: a\r\n\r\n"
            try await client.send(one + one + "GET /hop HTTP/1.1\r\nHost: a\r\n\r\n")
            client.endSending()
            let all = try await client.receiveAll()
            #expect(all.statuses == [200, 200, 200])
            #expect(all.hasSuffix("hopped true"))
        }
    }

    @Test func anUnfinishedRequestAtTheEndIsDropped() async throws {
        try await ServerFixture.run { fixture in
            let client = try SocketClient(fixture.address)
            try await client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe")
            client.endSending()
            #expect(try await client.receiveAll().isEmpty)
            #expect(fixture.server.statistics.requests == 0)
        }
    }

    @Test func connectionsAreLimited() async throws {
        try await ServerFixture.run({ $0.maxConnections = 2 }) { fixture in
            let first = try SocketClient(fixture.address)
            let second = try SocketClient(fixture.address)
            for client in [first, second] {
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await client.receive(until: "Hello").statuses == [200])
            }
            let third = try SocketClient(fixture.address)
            #expect(try await third.receiveAll().statuses == [503])
            first.leave()
            try await eventually("a place is free") { fixture.server.statistics.connections == 1 }
            let fourth = try SocketClient(fixture.address)
            try await fourth.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await fourth.receive(until: "Hello").statuses == [200])
        }
    }

    @Test func connectionsOfOneAddressAreLimited() async throws {
        try await ServerFixture.run({ $0.maxConnectionsPerAddress = 1 }) { fixture in
            let first = try SocketClient(fixture.address)
            try await first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await first.receive(until: "Hello").statuses == [200])
            #expect(try await SocketClient(fixture.address).receiveAll().statuses == [503])
            first.leave()
            try await eventually("the place is free") { fixture.server.statistics.connections == 0 }
            let again = try SocketClient(fixture.address)
            try await again.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await again.receive(until: "Hello").statuses == [200])
        }
    }

    @Test func anAddressThatManyShareIsNotLimited() async throws {
        try await ServerFixture.run({
            $0.maxConnectionsPerAddress = 1
            $0.maxConnections = 3
            $0.isShared = { $0 == .v4(0x7F00_0001) }
        }) { fixture in
            var clients: [SocketClient] = []
            for _ in 0..<3 {
                let client = try SocketClient(fixture.address)
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await client.receive(until: "Hello").statuses == [200])
                clients.append(client)
            }
            #expect(try await SocketClient(fixture.address).receiveAll().statuses == [503])
        }
    }

    /// What requests hold together is bounded, over both protocols, and is free again with the answer.
    @Test func contentIsLimitedInAll() async throws {
        try await ServerFixture.run({ $0.maxHeldBodies = 100_000 }) { fixture in
            let head = "POST /gated HTTP/1.1\r\nHost: a\r\nContent-Length: 80000\r\n\r\n"
            let first = try SocketClient(fixture.address)
            try await first.send(head + String(repeating: "x", count: 80_000))
            try await eventually("it is held") { fixture.events.has("working") }
            let file = FileManager.default.temporaryDirectory.appendingPathComponent("held-\(UUID()).txt")
            try Data(count: 80_000).write(to: file)
            defer { try? FileManager.default.removeItem(at: file) }
            let url = "http://\(fixture.address)/echo"
            func post() async throws -> [String] {
                let old = try await curl(["-o", "/dev/null", "-w", "%{http_code}", "-T", file.path, url])
                // curl takes the reset that follows an early answer of HTTP/2 for a fault.
                let new = try await runProgram("/usr/bin/nghttp", ["-v", "-n", "-d", file.path, url])
                return [
                    String(old.output.suffix(3)),
                    String(new.output.firstRange(of: ":status: ").map { new.output[$0.upperBound...].prefix(3) } ?? ""),
                ]
            }
            #expect(try await post() == ["503", "503"])
            fixture.events.openGate()
            #expect(try await first.receive(until: "done").statuses == [200])
            #expect(try await post() == ["200", "200"])
        }
    }

    @Test func drainEndsStreamsAndFinishesRequests() async throws {
        try await ServerFixture.run { fixture in
            let idle = try SocketClient(fixture.address)
            try await idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await idle.receive(until: "Hello").statuses == [200])
            let streaming = try SocketClient(fixture.address)
            try await streaming.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("it streams") { fixture.events.has("streaming") }
            let working = try SocketClient(fixture.address)
            try await working.send("GET /gated HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("it works") { fixture.events.has("working") }
            async let drained: Void = fixture.server.drain(deadline: .seconds(60))
            let stream = try await streaming.receiveAll()
            #expect(stream.hasSuffix("data: first\n\n\r\n0\r\n\r\n"))
            try await eventually("one works on") { fixture.server.statistics.active == 1 }
            fixture.events.openGate()
            let answer = try await working.receiveAll()
            #expect(answer.hasSuffix("done"))
            #expect(answer.contains("Connection: close"))
            #expect(try await idle.receiveAll().isEmpty)
            await drained
            #expect(fixture.server.statistics.connections == 0)
            try await eventually("nobody listens any more") { (try? SocketClient(fixture.address)) == nil }
        }
    }

    @Test func aRequestDuringTheDrainIsStillAnswered() async throws {
        try await ServerFixture.run({ $0.drainIdleGrace = .seconds(30) }) { fixture in
            let client = try SocketClient(fixture.address)
            try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await client.receive(until: "Hello").statuses == [200])
            async let drained: Void = fixture.server.drain(deadline: .seconds(60))
            try await eventually("no new connections are taken") { (try? SocketClient(fixture.address)) == nil }
            try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            let last = try await client.receiveAll()
            #expect(last.contains("Connection: close"))
            await drained
        }
    }

    /// Clients that keep asking over their connections get an answer to everything they have sent.
    @Test func drainLosesNoRequest() async throws {
        try await ServerFixture.run({ $0.drainIdleGrace = .seconds(10) }) { fixture in
            let answered = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<16 {
                    group.addTask {
                        let client = try SocketClient(fixture.address)
                        let path = number % 2 == 0 ? "/hop" : "/"
                        var answered = 0
                        while true {
                            try await client.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                            let response = try await client.receive(until: number % 2 == 0 ? "true" : "Hello")
                            answered += 1
                            if response.contains("Connection: close") { return answered }
                        }
                    }
                }
                group.addTask {
                    try await eventually("all are busy") { fixture.server.statistics.requests > 200 }
                    await fixture.server.drain(deadline: .seconds(60))
                    return 0
                }
                return try await group.reduce(0, +)
            }
            #expect(answered == fixture.server.statistics.requests)
            #expect(fixture.server.statistics.connections == 0)
        }
    }

    @Test func drainHasADeadline() async throws {
        try await ServerFixture.run { fixture in
            let client = try SocketClient(fixture.address)
            try await client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("the handler runs") { fixture.events.has("waiting") }
            await fixture.server.drain(deadline: .milliseconds(50))
            try await eventually("the handler is cancelled") {
                fixture.events.has("cancelled") && fixture.server.statistics.active == 0
            }
            #expect(try await client.receiveAll().isEmpty)
        }
    }

    @Test func manyClientsComeAndGo() async throws {
        try await ServerFixture.run { fixture in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<60 {
                    group.addTask {
                        let client = try SocketClient(fixture.address)
                        switch number % 4 {
                        case 0: try await client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
                        case 1: try await client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx")
                        case 2: try await client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
                        default:
                            try await client.send("GET /close HTTP/1.1\r\nHost: a\r\n\r\n")
                            #expect(try await client.receiveAll().hasSuffix("bye"))
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await eventually("nothing is left behind") {
                let statistics = fixture.server.statistics
                return statistics.connections == 0 && statistics.active == 0
            }
        }
    }
}
