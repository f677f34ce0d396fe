import Chronology
import GatewayAPI
import HTTPTesting
import Testing
import TestKit

/// The stream of events, over real sockets.
@Suite(.timeLimit(.minutes(5))) struct LiveStreamTests {
    /// Opens a stream and reads its head.
    private func open(_ bench: GatewayBench, token: String, receiveBuffer: Int32? = nil) async throws -> SocketClient {
        let client = try SocketClient(bench.address, receiveBuffer: receiveBuffer)
        try await client.send(
            bench.request("GET", "/v1/events/stream", token: token, headers: ["Accept: text/event-stream"]))
        let head = try await client.receive(until: "\r\n\r\n")
        guard head.hasPrefix("HTTP/1.1 200") else { throw SocketClient.Failure.closed }
        #expect(head.contains("Content-Type: text/event-stream\r\n") && head.contains("Cache-Control: no-store\r\n"))
        _ = try await client.receive(until: ": connected\n\n")
        return client
    }

    @Test func bringsTheCallersEventsAlone() async throws {
        try await GatewayBench.run { bench in
            let (ada, bob) = (UUIDv7.make(), UUIDv7.make())
            let clients = [
                try await open(bench, token: bench.tokens.make(user: ada)),
                try await open(bench, token: bench.tokens.make(user: ada)),
                try await open(bench, token: bench.tokens.make(user: bob)),
            ]
            #expect(bench.streams.count == 3)
            let first = try await bench.publish("florin.expense.expense_created.v1", user: ada)
            let second = try await bench.publish("florin.portfolio.portfolio_updated.v1", user: bob)
            let third = try await bench.publish("florin.expense.budget_exceeded.v1", user: ada)
            for client in clients[..<2] {
                let text = try await client.receive(until: "id: \(third)\n")
                #expect(
                    text.contains("id: \(first)\nevent: expense.expense_created.v1\ndata: {\"specversion\":\"1.0\""))
                #expect(!text.contains(second))
                #expect(try await client.receive(until: "\n\n").hasPrefix("event: expense.budget_exceeded.v1\ndata: {"))
            }
            #expect(try await clients[2].receive(until: "\n\n").contains("id: \(second)\n"))
        }
    }

    @Test func aClientThatLeavesFreesItsPlace() async throws {
        try await GatewayBench.run { bench in
            let client = try await open(bench, token: bench.tokens.make())
            client.leave()
            try await eventually("the place is free") { bench.streams.count == 0 }
        }
    }

    @Test func theHeadAloneTakesNoPlace() async throws {
        try await GatewayBench.run { bench in
            let answer = try await bench.send("HEAD", "/v1/events/stream", token: bench.tokens.make())
            #expect(answer.status == 200 && answer["content-type"] == "text/event-stream")
            let refused = try await bench.send(
                "HEAD", "/v1/events/stream", token: bench.tokens.make(), headers: ["Last-Event-ID: 1"])
            #expect(refused.status == 400)
            #expect(bench.streams.count == 0)
        }
    }

    @Test func placesAreBounded() async throws {
        try await GatewayBench.run({
            $0.streams.maximumStreams = 3
            $0.streams.maximumStreamsPerUser = 2
        }) { bench in
            let token = try bench.tokens.make()
            var clients = [try await open(bench, token: token), try await open(bench, token: token)]
            let third = try await bench.send("GET", "/v1/events/stream", token: token)
            #expect(third.status == 429)
            #expect(try third.json("code") == "too_many_streams" && third["retry-after"] != nil)
            clients.append(try await open(bench, token: bench.tokens.make()))
            let fourth = try await bench.send("GET", "/v1/events/stream", token: bench.tokens.make())
            #expect(fourth.status == 503)
            #expect(try fourth.json("code") == "overloaded")
            clients[0].leave()
            try await eventually("a place is free") { bench.streams.count < 3 }
        }
    }

    @Test func silenceHasAHeartbeat() async throws {
        try await GatewayBench.run({ $0.streams.heartbeat = .milliseconds(40) }) { bench in
            let client = try await open(bench, token: bench.tokens.make())
            for _ in 0..<3 { _ = try await client.receive(until: ": heartbeat\n\n") }
        }
    }

    @Test func aStreamEndsWithItsSession() async throws {
        try await GatewayBench.run { bench in
            let (user, session) = (UUIDv7.make(), UUIDv7.make())
            let client = try await open(bench, token: bench.tokens.make(user: user, session: session))
            let other = try await open(bench, token: bench.tokens.make(user: user))
            try await bench.revoke(session, of: user)
            #expect(try await client.receive(until: "\r\n0\r\n\r\n").contains("event:") == false)
            let id = try await bench.publish("florin.expense.expense_created.v1", user: user)
            _ = try await other.receive(until: "id: \(id)\n")
        }
    }

    @Test func aStreamEndsWithItsToken() async throws {
        try await GatewayBench.run({ $0.streams.heartbeat = .milliseconds(40) }) { bench in
            let client = try await open(bench, token: bench.tokens.make(lifetime: .seconds(2)))
            _ = try await client.receive(until: "\r\n0\r\n\r\n")
            #expect(bench.streams.count == 0)
        }
    }

    @Test func aDrainEndsStreamsInOrder() async throws {
        try await GatewayBench.run { bench in
            let client = try await open(bench, token: bench.tokens.make())
            await bench.server.drain(deadline: .seconds(20))
            _ = try await client.receive(until: "\r\n0\r\n\r\n")
            #expect(try await client.isClosed())
        }
    }

    @Test func aReaderThatDoesNotReadIsCutOff() async throws {
        try await GatewayBench.run { bench in
            let (slow, quick) = (UUIDv7.make(), UUIDv7.make())
            let client = try await open(bench, token: bench.tokens.make(user: slow), receiveBuffer: 65536)
            let other = try await open(bench, token: bench.tokens.make(user: quick))
            let data = "{\"text\":\"" + String(repeating: "x", count: 60_000) + "\"}"
            try await eventually("it is cut off") {
                try await bench.publish("florin.expense.expense_created.v1", user: slow, data: data)
                return bench.metrics.render().contains("florin_stream_overflows_total 1\n")
            }
            let id = try await bench.publish("florin.expense.expense_created.v1", user: quick)
            _ = try await other.receive(until: "id: \(id)\n")
            #expect(bench.streams.count == 1)
            // When it reads on it has whole events, then the reason, and an end in order.
            var bytes: [UInt8] = []
            try await eventually("the stream ends") {
                bytes += try #require(client.receiveNow())
                return bytes.suffix(5) == Array("0\r\n\r\n".utf8)
            }
            let rest = String(decoding: bytes, as: UTF8.self)
            #expect(rest.hasSuffix("\n\n\r\n21\r\nevent: stream.overflow\ndata: {}\n\n\r\n0\r\n\r\n"))
            let events = rest.ranges(of: "id: ").count
            #expect(events > 0 && rest.ranges(of: "x\"}}\n\n").count == events)
        }
    }

    @Test func whatIsNoEventIsPassedOver() async throws {
        try await GatewayBench.run { bench in
            let user = UUIDv7.make()
            let client = try await open(bench, token: bench.tokens.make(user: user))
            try await bench.publish("florin.auth.sessions_revoked.v1", user: user, data: #"{"user_id":1}"#)
            let id = try await bench.publish("florin.expense.expense_created.v1", user: user)
            let text = try await client.receive(until: "id: \(id)\n")
            #expect(text.ranges(of: "id: ").count == 1)
            #expect(bench.log.all.contains { $0.contains("event not understood") })
        }
    }
}
