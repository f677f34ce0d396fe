import EventLoop
import HTTPServer
import HTTPTesting
import Testing
import TestKit

@Suite struct HTTPServerExchangeTests {
    @Test func answersAndKeepsTheConnection() async throws {
        try await ServerFixture.run { fixture in
            let client = try SocketClient(fixture.address)
            for _ in 0..<3 {
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                let response = try await client.receive(until: "Hello")
                #expect(response.hasPrefix("HTTP/1.1 200 OK\r\nDate: "))
                #expect(response.contains("\r\nContent-Length: 5\r\n"))
                #expect(response.contains(" GMT\r\n"))
                #expect(!response.contains("Connection:"))
            }
            #expect(fixture.server.statistics.connections == 1)
            #expect(fixture.server.statistics.requests == 3)
        }
    }

    @Test func answersPipelinedRequestsInOrder() async throws {
        try await ServerFixture.run { fixture in
            let bodies = (0..<200).map { "<\($0)>" }
            var text = ""
            for (number, body) in bodies.enumerated() {
                if number % 7 == 0 { text += "GET /hop HTTP/1.1\r\nHost: a\r\n\r\n" }
                text += "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
            }
            text += "GET /close HTTP/1.1\r\nHost: a\r\n\r\nGET /never HTTP/1.1\r\nHost: a\r\n\r\n"
            let all = try await SocketClient.exchange(text, with: fixture.address)
            let echoed = all.split(separator: "\r\n").compactMap { line in
                line.contains("<") ? String(line[line.firstIndex(of: "<")!...line.firstIndex(of: ">")!]) : nil
            }
            #expect(echoed == bodies)
            #expect(all.count(of: "hopped true") == 29)
            #expect(all.statuses.count == 200 + 29 + 1)
            #expect(all.hasSuffix("Connection: close\r\n\r\nbye"))
        }
    }

    @Test func pipelinesMoreThanTheBufferWhileAHandlerRuns() async throws {
        try await ServerFixture.run { fixture in
            let body = String(repeating: "b", count: 1000)
            let one = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n\(body)"
            let text =
                "GET /stubborn HTTP/1.1\r\nHost: a\r\n\r\n" + String(repeating: one, count: 1000)
                + "GET /close HTTP/1.1\r\nHost: a\r\n\r\n"
            let client = try SocketClient(fixture.address)
            async let sending: Void = client.send(text)
            let all = try await client.receiveAll()
            try await sending
            #expect(all.statuses.count == 1002)
        }
    }

    /// While a request is being answered no more than a buffer of others is read: the client cannot send on.
    @Test func holdsPipelinedRequestsBack() async throws {
        try await ServerFixture.run({ $0.pipelineBuffer = 16 << 10 }) { fixture in
            let client = try SocketClient(fixture.address, receiveBuffer: 65536)
            try await client.send("GET /gated HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("it works") { fixture.events.has("working") }
            let body = String(repeating: "b", count: 8000)
            let one = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 8000\r\n\r\n\(body)".utf8
            let many = Array(repeating: Array(one), count: 50).flatMap(\.self)
            var sent = 0
            var last = -1
            try await eventually("the client stands still") {
                try await Task.sleep(for: .milliseconds(200))
                defer { last = sent }
                while let count = client.sendNow(many[(sent % many.count)...]), count > 0 { sent += count }
                return sent == last
            }
            // What the system's own buffers take on both sides, though the client has far more to send.
            #expect(sent > 0 && sent < 32 << 20)
            #expect(fixture.server.statistics.requests == 1)
            fixture.events.openGate()
            #expect(try await client.receive(until: "done").statuses == [200])
            try await eventually("the others are answered in their turn") {
                _ = client.receiveNow()
                return fixture.server.statistics.requests == 1 + sent / one.count
            }
            client.leave()
        }
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "close"), ("GET / HTTP/1.0\r\n\r\n", "close"),
    ])
    func closesWhenAsked(text: String, expected: String) async throws {
        try await ServerFixture.run { fixture in
            let response = try await SocketClient.exchange(text, with: fixture.address)
            #expect(response.contains("\r\nConnection: \(expected)\r\n"))
            #expect(response.hasSuffix("\r\n\r\nHello"))
        }
    }

    @Test func keepsAnOldClientsConnectionWhenAsked() async throws {
        try await ServerFixture.run { fixture in
            let client = try SocketClient(fixture.address)
            try await client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(try await client.receive(until: "Hello").contains("\r\nConnection: keep-alive\r\n"))
            try await client.send("GET /pieces HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let rest = try await client.receiveAll()
            #expect(rest.contains("one two three..."))
            #expect(!rest.contains("chunked"))
        }
    }

    @Test func leavesTheContentOutWhereThereIsNone() async throws {
        try await ServerFixture.run { fixture in
            let client = try SocketClient(fixture.address)
            try await client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nHEAD /pieces HTTP/1.1\r\nHost: a\r\n\r\n")
            let heads = try await client.receive(until: "chunked\r\n\r\n")
            #expect(heads.contains("Content-Length: 5\r\n"))
            #expect(!heads.contains("Hello"))
            try await client.send("GET /empty HTTP/1.1\r\nHost: a\r\n\r\nGET /close HTTP/1.1\r\nHost: a\r\n\r\n")
            let rest = try await client.receiveAll()
            #expect(rest.statuses == [204, 200])
            #expect(rest.count(of: "Content-Length") == 1)
        }
    }

    /// What refuses HEAD has no content either, as far as the method could be read (RFC 9110 section 9.3.2).
    @Test(arguments: [
        "HEAD /% HTTP/1.1\r\n", "HEAD / HTTP/1.1\r\nContent-Length: x\r\n", "HEAD / HTTP/1.1\r\nX : y\r\n",
    ])
    func refusesHeadWithoutContent(_ beginning: String) async throws {
        try await ServerFixture.run { fixture in
            let text = beginning + "Host: a\r\n\r\n"
            let refused = try await SocketClient.exchange(text, with: fixture.address)
            #expect(refused.statuses == [400] && refused.hasSuffix("\r\n\r\n"), "\(refused)")
            #expect(refused.contains("Content-Length: ") && !refused.contains("Content-Length: 0\r\n"))
            // The method of a request that was answered says nothing about the next.
            let next = try await SocketClient.exchange(
                "HEAD / HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n", with: fixture.address)
            #expect(next.statuses == [200, 400] && next.hasSuffix("malformedRequestLine\n"), "\(next)")
        }
    }

    @Test func streamsInChunks() async throws {
        try await ServerFixture.run { fixture in
            let client = try SocketClient(fixture.address)
            try await client.send("GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n")
            let response = try await client.receive(until: "0\r\n\r\n")
            #expect(response.contains("\r\n\r\n4\r\none \r\n4\r\ntwo \r\n5\r\nthree\r\n4e20\r\n....."))
            try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await client.receive(until: "Hello").statuses == [200])
        }
    }

    @Test func aStreamThatFailsHasNoEnd() async throws {
        try await ServerFixture.run { fixture in
            let response = try await SocketClient.exchange(
                "GET /broken HTTP/1.1\r\nHost: a\r\n\r\n", with: fixture.address)
            #expect(!response.hasSuffix("0\r\n\r\n"))
        }
    }

    @Test func sendsContinueOnlyWhenTheContentIsAwaited() async throws {
        try await ServerFixture.run { fixture in
            let head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
            let client = try SocketClient(fixture.address)
            try await client.send(head)
            #expect(try await client.receive(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            try await client.send("hi")
            #expect(try await client.receive(until: "\r\n\r\nhi").statuses == [200])
            try await client.send(head + "ho")
            #expect(try await client.receive(until: "\r\n\r\nho").statuses == [200])
            try await client.send(
                "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n")
            #expect(try await client.receiveAll().statuses == [413])
        }
    }

    @Test func bodyLimitIsDecidedByTheHead() async throws {
        try await ServerFixture.run({ $0.bodyLimit = { $0.path == "/echo" ? 4 << 20 : 10 } }) { fixture in
            let large = String(repeating: "x", count: 3 << 20)
            let text =
                "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: \(large.utf8.count)\r\n\r\n\(large)"
            let echoed = try await SocketClient.exchange(text, with: fixture.address)
            #expect(echoed.hasSuffix(large))
            let other = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"
            let refusedByLength = try await SocketClient.exchange(other, with: fixture.address).statuses
            #expect(refusedByLength == [413])
            let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\n"
            let refusedByChunks = try await SocketClient.exchange(chunked, with: fixture.address).statuses
            #expect(refusedByChunks == [413])
        }
    }

    /// What was in order before is answered, what is not is refused, nothing after it is looked at.
    @Test(arguments: refusedRequests.indices)
    func refusesAndCloses(index: Int) async throws {
        let (text, rule) = refusedRequests[index]
        try await ServerFixture.run { fixture in
            let smuggled = "GET / HTTP/1.1\r\nHost: a\r\n\r\n" + text + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
            let all = try await SocketClient.exchange(smuggled, with: fixture.address)
            if text.hasPrefix("\r\n\r\n") || text.hasPrefix("\r\n") {
                #expect(all.statuses == [200, 400])
            } else {
                #expect(all.statuses == [200, HTTPRefusal(rule).status])
            }
            #expect(all.count(of: "Connection: close") == 1)
            #expect(fixture.server.statistics.requests == 1)
            #expect(fixture.server.statistics.refused == 1)
        }
    }

    @Test func aReaderThatStopsHoldsTheProducerBack() async throws {
        try await ServerFixture.run { fixture in
            let client = try SocketClient(fixture.address, receiveBuffer: 65536)
            try await client.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
            let events = fixture.events
            var last = -1
            try await eventually("the producer stands still") {
                try await Task.sleep(for: .milliseconds(200))
                defer { last = events.written.load(ordering: .relaxed) }
                return last > 0 && last == events.written.load(ordering: .relaxed)
            }
            // What the system's own buffers take (a few MB) and 128 KiB of ours, though the stream has no end.
            #expect(last < 16 << 20)
            var received = 0
            try await eventually("it goes on when read from") {
                while received <= last + (1 << 20) {
                    guard let piece = client.receiveNow(), !piece.isEmpty else { return false }
                    received += piece.count
                }
                return true
            }
            client.leave()
            try await eventually("the producer ends with the client") { fixture.events.has("endless ended") }
        }
    }

    @Test func aSecondWriteAtTheSameTimeIsRefused() async throws {
        try await ServerFixture.run { fixture in
            let client = try SocketClient(fixture.address, receiveBuffer: 65536)
            try await client.send("GET /twice HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            try await eventually("the second write is refused") { fixture.events.has("concurrentWrite") }
            let all = try await client.receiveAll()
            #expect(all.hasSuffix("0\r\n\r\n"))
        }
    }

    @Test func aWriteAfterTheEndIsRefused() async throws {
        try await ServerFixture.run { fixture in
            let client = try SocketClient(fixture.address)
            try await client.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n")
            let response = try await client.receive(until: "0\r\n\r\n")
            #expect(response.statuses == [200])
            fixture.events.openGate()
            try await eventually("the late write is refused") { fixture.events.has("disconnected") }
            try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            let next = try await client.receive(until: "Hello")
            #expect(!next.contains("late"))
        }
    }

    @Test func refusalsLookAsConfigured() async throws {
        try await ServerFixture.run({
            $0.refusal = { refusal, _, _ in
                HTTPResponse(
                    status: refusal.status, headers: ["Content-Type": "application/problem+json"],
                    body: .bytes(Array("{\"code\":\"\(refusal)\"}".utf8)))
            }
        }) { fixture in
            let all = try await SocketClient.exchange("GET /\r\n\r\n", with: fixture.address)
            #expect(all.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
            #expect(all.hasSuffix("\r\n\r\n{\"code\":\"malformedRequestLine\"}"))
            #expect(all.contains("application/problem+json"))
        }
    }

    @Test func aLargeResponseArrivesWhole() async throws {
        try await ServerFixture.run { fixture in
            let client = try SocketClient(fixture.address)
            try await client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\nGET /close HTTP/1.1\r\nHost: a\r\n\r\n")
            var received = 0
            var tail: [UInt8] = []
            try await eventually("the stream ends") {
                while let piece = client.receiveNow() {
                    if piece.isEmpty { return false }
                    received += piece.count
                    tail = (tail + piece).suffix(3)
                }
                return true
            }
            #expect(received > 32 << 20)
            #expect(tail == Array("bye".utf8))
        }
    }
}
