import EventLoop
import HTTP2
import Synchronization
import Testing
import TestKit

@testable import GRPC

/// Requests that our own client would not send.
@Suite struct RequestTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        var changes: [(String, String?)] = []
        var body = MessageFraming.frame([UInt8]("hello"))
        let code: GRPCStatus.Code
        var testDescription: String { name }
    }

    static let cases = [
        Case(name: "as it should be", code: .ok),
        Case(name: "content type with format", changes: [("content-type", "application/grpc+proto")], code: .ok),
        Case(name: "identity encoding", changes: [("grpc-encoding", "identity")], code: .ok),
        Case(name: "gzip encoding", changes: [("grpc-encoding", "gzip")], code: .unimplemented),
        Case(name: "compressed flag", body: [1, 0, 0, 0, 1, 0], code: .unimplemented),
        Case(name: "unknown flag", body: [2, 0, 0, 0, 1, 0], code: .internalError),
        Case(name: "no message", body: [], code: .internalError),
        Case(name: "half a message", body: [0, 0, 0, 0, 9, 1], code: .internalError),
        Case(name: "two messages", body: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0], code: .internalError),
        Case(name: "too large a message", body: [0, 0xFF, 0, 0, 0, 1], code: .resourceExhausted),
        Case(name: "malformed timeout", changes: [("grpc-timeout", "soon")], code: .internalError),
        Case(name: "timeout that is over", changes: [("grpc-timeout", "0n")], code: .deadlineExceeded),
        Case(name: "bad base64", changes: [("x-bin", "?")], code: .internalError),
        Case(name: "unknown method", changes: [(":path", "/a/b")], code: .unimplemented),
        Case(
            name: "too much metadata", changes: [("x-much", String(repeating: "m", count: 20_000))],
            code: .resourceExhausted),
    ]

    @Test(arguments: cases)
    func isAnsweredByStatus(_ request: Case) async throws {
        try await Harness.run { harness in
            let client = try await RawClient.connect(to: harness.address, loop: harness.loop)
            let response = await client.send(RawClient.headers(request.changes), body: request.body)
            #expect(response.status?.code == request.code)
            #expect(response.blocks.first?.first(":status") == "200")
            let next = await client.send(RawClient.headers(), body: MessageFraming.frame([1]))
            #expect(next.status?.code == .ok)
            #expect(next.bytes == [0, 0, 0, 0, 1, 1])
            try await client.close()
        }
    }

    @Test(
        arguments: [
            ([(":method", "GET")], "405"), ([("content-type", "application/json")], "415"),
            ([("content-type", "application/grpcish")], "415"), ([("content-type", nil)], "415"),
        ] as [([(String, String?)], String)])
    func thatIsNotGRPCIsAnsweredByHTTP(_ changes: [(String, String?)], _ httpStatus: String) async throws {
        try await Harness.run { harness in
            let client = try await RawClient.connect(to: harness.address, loop: harness.loop)
            let response = await client.send(RawClient.headers(changes), body: MessageFraming.frame([]))
            #expect(response.blocks.first?.first(":status") == httpStatus)
            try await client.close()
        }
    }

    @Test func thatNeverEndsIsCutOff() async throws {
        try await Harness.run(server: { $0.requestTimeout = .milliseconds(200) }) { harness in
            // More than the window of a stream: the rest cannot be sent, since the server never sees a whole message.
            let client = try await RawClient.connect(to: harness.address, loop: harness.loop)
            let response = await client.sendWithoutEnd(RawClient.headers())
            #expect(response.status?.code == .deadlineExceeded)
            try await client.close()
        }
    }

    @Test func requestsBeyondTheConnectionsBytesAreRefused() async throws {
        try await Harness.run(server: { $0.maximumHeldBytes = 1_000_000 }) { harness in
            let message = [UInt8](repeating: 1, count: 1_500_000)
            let status = await statusThrown {
                _ = try await harness.channel.unary(EchoService.say, message, timeout: patience)
            }
            #expect(status?.code == .resourceExhausted)
            let answer = try await harness.say("hello")
            #expect(answer == "hello")
        }
    }

    @Test func messagesOverTheLimitAreRefusedOnBothSides() async throws {
        try await Harness.run(server: { $0.maximumMessageBytes = 1000 }, channel: { $0.maximumMessageBytes = 500 }) {
            harness in
            let request = await statusThrown {
                _ = try await harness.channel.unary(
                    EchoService.say, [UInt8](repeating: 1, count: 1001), timeout: patience)
            }
            #expect(request?.code == .resourceExhausted)
            let response = await statusThrown { _ = try await harness.say("big:501") }
            #expect(response?.code == .resourceExhausted)
            let answer = try await harness.say("big:500")
            #expect(answer.count == 500)
        }
    }

    @Test func aPeerThatResetsRapidlyIsSentAway() async throws {
        try await Harness.run(server: {
            $0.resetBurst = 100
            $0.resetsPerSecond = 1
        }) { harness in
            let client = try await RawClient.connect(to: harness.address, loop: harness.loop)
            let body = MessageFraming.frame([UInt8]("sleep:60000"))
            try await eventually("the connection is closed") {
                try await client.sendAndReset(50, RawClient.headers(), body: body)
                return client.isClosed.load(ordering: .acquiring)
            }
            try await eventually("the handlers are cancelled") {
                harness.echo.cancelled.load(ordering: .relaxed) == harness.echo.sleeping.load(ordering: .relaxed)
            }
            let answer = try await harness.say("hello")
            #expect(answer == "hello")
        }
    }

    /// A gateway passes on what all of its clients do.
    @Test func manyCallersThatLeaveEndNoConnection() async throws {
        try await Harness.run { harness in
            let client = try await RawClient.connect(to: harness.address, loop: harness.loop)
            let body = MessageFraming.frame([UInt8]("sleep:60000"))
            for _ in 0..<100 { try await client.sendAndReset(100, RawClient.headers(), body: body) }
            let next = await client.send(RawClient.headers(), body: MessageFraming.frame([]))
            #expect(next.status?.code == .ok)
            let isClosed = client.isClosed.load(ordering: .acquiring)
            #expect(!isClosed)
            try await client.close()
        }
    }

    @Test func resetCallsWhoseHandlersStillRunCountAgainstTheLimit() async throws {
        try await Harness.run(server: { $0.maximumConcurrentStreams = 10 }) { harness in
            let client = try await RawClient.connect(to: harness.address, loop: harness.loop)
            let body = MessageFraming.frame([UInt8]("stubborn:500"))
            for _ in 0..<5 { try await client.sendAndReset(10, RawClient.headers(), body: body) }
            // Again where the server has read the ends with the beginnings.
            try await eventually("a handler has begun") {
                if harness.echo.peak.load(ordering: .relaxed) >= 1 { return true }
                try await client.sendAndReset(10, RawClient.headers(), body: body)
                return false
            }
            let next = await client.send(RawClient.headers(), body: MessageFraming.frame([]))
            #expect(next.status?.code == .ok)
            let peak = harness.echo.peak.load(ordering: .relaxed)
            #expect(peak <= 10)
            try await client.close()
        }
    }

    @Test func bytesThatAreNotHTTP2EndTheConnection() async throws {
        try await Harness.run { harness in
            let socket = try await TCPConnection.connect(to: harness.address, loop: harness.loop, timeout: patience)
            let watcher = CloseWatcher()
            try await harness.loop.run {
                socket.delegate = watcher
                socket.startReading()
                socket.write([UInt8]("GET / HTTP/1.1\r\nHost: here\r\n\r\n"))
            }
            try await eventually("the connection is closed") { watcher.isClosed.load(ordering: .acquiring) }
        }
    }

    @Test func connectionsOverTheLimitAreClosed() async throws {
        try await Harness.run(server: { $0.maximumConnections = 1 }) { harness in
            _ = try await harness.say("hello")
            let second = try await RawClient.connect(to: harness.address, loop: harness.loop)
            try await eventually("the connection is closed") { second.isClosed.load(ordering: .acquiring) }
            let answer = try await harness.say("still there")
            #expect(answer == "still there")
        }
    }
}

/// Notes that a bare connection has ended.
final class CloseWatcher: TransportDelegate, Sendable {
    let isClosed = Atomic<Bool>(false)

    func connection(_ connection: any Transport, didReceive bytes: RawSpan) {}
    func connectionDidReachEOF(_ connection: any Transport) { connection.close() }
    func connectionDidDrain(_ connection: any Transport) {}
    func connection(_ connection: any Transport, didCloseWith error: EventLoopError?) {
        isClosed.store(true, ordering: .releasing)
    }
}
