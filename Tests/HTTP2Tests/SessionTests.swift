import Testing

@testable import HTTP2

/// Two HTTP/2 sessions joined in memory.
@Suite struct SessionTests {
    @Test func carriesARequestAndItsAnswer() throws {
        let pair = try SessionPair()
        let client = Recorder()
        let stream = try #require(pair.request(body: [1, 2, 3], handler: client))
        try pair.exchange()
        let served = try #require(pair.served.first)
        #expect(served.recorder.blocks.first?.fields == SessionPair.headers)
        #expect(served.recorder.bytes == [1, 2, 3])
        #expect(served.recorder.isEnded)
        pair.server.respond(served.stream, [HeaderField(":status", "200")])
        try pair.exchange()
        #expect(client.blocks.count == 1)
        pair.server.send([4, 5], on: served.stream)
        try pair.exchange()
        #expect(client.bytes == [4, 5])
        pair.server.end(served.stream, trailers: [HeaderField("grpc-status", "0")])
        try pair.exchange()
        #expect(client.blocks.last?.fields == [HeaderField("grpc-status", "0")])
        #expect(client.blocks.last?.isEndOfStream == true)
        #expect(client.closed == .noError)
        #expect(stream.wasSent)
        #expect(pair.client.streams.isEmpty && pair.server.streams.isEmpty)
    }

    @Test func holdsBytesBackUntilCreditComes() throws {
        let pair = try SessionPair { $0.streamWindow = 1000 }
        let client = Recorder()
        let stream = try #require(pair.request(body: [], handler: client))
        try pair.exchange()
        let served = try #require(pair.served.first)
        pair.server.respond(served.stream, [HeaderField(":status", "200")])
        pair.server.send([UInt8](repeating: 1, count: 70_000), on: served.stream)
        try pair.exchange()
        #expect(client.bytes.count == 1000)
        pair.client.consume(1000, of: stream)
        try pair.exchange()
        #expect(client.bytes.count == 2000)
        #expect(served.recorder.drains == 0)
        while client.bytes.count < 70_000 {
            let before = client.bytes.count
            pair.client.consume(1000, of: stream)
            try pair.exchange()
            try #require(client.bytes.count > before)
        }
        #expect(served.recorder.drains == 1)
    }

    @Test func aResetReachesTheOtherSide() throws {
        let pair = try SessionPair()
        let client = Recorder()
        let stream = try #require(pair.request(body: [1], handler: client))
        try pair.exchange()
        pair.client.reset(stream, .cancel)
        try pair.exchange()
        #expect(pair.served.first?.recorder.closed == .cancel)
        #expect(client.closed == .cancel)
    }

    @Test func anAnswerBeforeTheRequestsEndStopsTheSender() throws {
        let pair = try SessionPair()
        let client = Recorder()
        _ = try #require(pair.request(body: [1], isEnded: false, handler: client))
        try pair.exchange()
        let served = try #require(pair.served.first)
        served.stream.stopsPeerWhenEnded = true
        pair.server.respondAndEnd(served.stream, [HeaderField(":status", "200"), HeaderField("grpc-status", "12")])
        try pair.exchange()
        #expect(client.blocks.last?.fields.first("grpc-status") == "12")
        #expect(client.closed == .noError)
    }

    @Test func goAwayRefusesWhatTheServerHasNotSeen() throws {
        let pair = try SessionPair()
        let first = Recorder()
        _ = try #require(pair.request(body: [], handler: first))
        try pair.exchange()
        pair.server.goAway(.noError)
        // On its way while the GOAWAY is on its own.
        let second = Recorder()
        let stream = try #require(pair.request(body: [], handler: second))
        try pair.move(from: pair.client, to: pair.server)
        try pair.exchange()
        #expect(pair.clientEvents.goAway?.error == .noError)
        #expect(pair.clientEvents.goAway?.lastStream == 1)
        #expect(second.closed == .refusedStream)
        #expect(stream.wasSent)
        #expect(first.closed == nil)
        #expect(pair.request(body: [], handler: Recorder()) == nil)
    }

    @Test func limitsStreams() throws {
        let pair = try SessionPair { $0.maximumConcurrentStreams = 2 }
        try pair.exchange()
        #expect(pair.client.peerMaximumConcurrentStreams == 2)
        let recorders = [Recorder(), Recorder()]
        for recorder in recorders {
            #expect(pair.client.hasRoom)
            _ = pair.request(body: [], handler: recorder)
        }
        #expect(!pair.client.hasRoom)
    }

    @Test func marksBlocksOverTheLimit() throws {
        let pair = try SessionPair { $0.maximumHeaderListBytes = 500 }
        let extra = [HeaderField("x", String(repeating: "v", count: 600)), HeaderField("y", "1")]
        _ = try #require(pair.client.request(SessionPair.headers + extra, body: [], handler: Recorder()))
        try pair.exchange()
        let block = try #require(pair.served.first?.recorder.blocks.first)
        #expect(block.isOversized)
        #expect(block.fields == SessionPair.headers)
    }

    @Test func pingsComeBack() throws {
        let pair = try SessionPair()
        pair.client.ping(0x0102_0304_0506_0708)
        try pair.exchange()
        #expect(pair.clientEvents.pings == [0x0102_0304_0506_0708])
    }

    @Test func aFloodOfResetsEndsTheConnection() throws {
        let pair = try SessionPair {
            $0.resetBurst = 10
            $0.resetsPerSecond = 1
        }
        try pair.exchange()
        for _ in 0..<20 {
            guard let stream = pair.request(body: [], handler: Recorder()) else { break }
            try pair.exchange()
            pair.client.reset(stream, .cancel)
            try pair.exchange()
        }
        #expect(pair.clientEvents.goAway != nil)
        #expect(pair.server.isFinished)
    }

    @Test func garbageIsFatal() throws {
        let pair = try SessionPair()
        let garbage = [UInt8](repeating: 0x47, count: 100)
        #expect(throws: HTTP2Session.Fatal.self) { try pair.server.receive(bytes: garbage) }
    }

    /// Whatever bytes follow the preface, the session answers or gives up; it does not trap.
    @Test func survivesRandomBytes() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            let pair = try SessionPair()
            _ = pair.request(body: [1, 2, 3], handler: Recorder())
            var bytes: [UInt8] = []
            try pair.client.takeOutput(into: &bytes, upTo: .max)
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                bytes[Int.random(in: 24..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            var answer: [UInt8] = []
            do {
                try pair.server.receive(bytes: bytes)
                try pair.server.takeOutput(into: &answer, upTo: .max)
            } catch {
                continue
            }
            #expect(!answer.isEmpty)
        }
    }
}
