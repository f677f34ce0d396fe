import EventLoop
import Testing
import TestKit

@testable import GRPC

@Suite struct StreamingTests {
    @Test func deliversInOrderWithMetadata() async throws {
        try await Harness.run { harness in
            let stream = harness.stream("count:1000")
            let initial = try await stream.initialMetadata()
            #expect(initial["x-stream"] == "yes")
            let messages = try await stream.texts()
            #expect(messages == (0..<1000).map(String.init))
            let trailing = await stream.trailingMetadata()
            #expect(trailing?["x-count"] == "1000")
        }
    }

    @Test func anEmptyStreamEnds() async throws {
        try await Harness.run { harness in
            let messages = try await harness.stream("count:0").texts()
            #expect(messages.isEmpty)
        }
    }

    @Test func deliversWhatCameBeforeAFailure() async throws {
        try await Harness.run { harness in
            var received: [String] = []
            let status = await statusThrown {
                for try await message in harness.stream("die:10") { received.append(message.text) }
            }
            #expect(received == ["0", "1", "2", "3"])
            #expect(status?.code == .dataLoss)
            #expect(status?.message == "died at 3")
        }
    }

    @Test func carriesFortyMegabytes() async throws {
        try await Harness.run { harness in
            var total = 0
            for try await message in harness.stream("count:400:100000") { total += message.count }
            #expect(total == 40_000_000)
        }
    }

    @Test func messagesLargerThanTheWindowPass() async throws {
        try await Harness.run { harness in
            var total = 0
            for try await message in harness.stream("count:3:3000000") { total += message.count }
            #expect(total == 9_000_000)
        }
    }

    @Test func holdsTheServerBackWhileNothingIsTaken() async throws {
        try await Harness.run { harness in
            let stream = harness.stream("count:1000:100000")
            var iterator = stream.makeAsyncIterator()
            _ = try await iterator.next()
            // What fits into windows and queues is less than 3 MB of the 100; a call beside still goes.
            try await eventually("the server is held") {
                let before = harness.echo.written.load(ordering: .relaxed)
                for _ in 0..<20 { _ = try await harness.say("beside") }
                return harness.echo.written.load(ordering: .relaxed) == before
            }
            #expect(harness.echo.written.load(ordering: .relaxed) < 30)
            var count = 1
            while try await iterator.next() != nil { count += 1 }
            #expect(count == 1000)
        }
    }

    @Test func cancellingTheStreamCancelsTheHandler() async throws {
        try await Harness.run { harness in
            let stream = harness.stream("slow:100000")
            var iterator = stream.makeAsyncIterator()
            _ = try await iterator.next()
            stream.cancel()
            let status = await statusThrown { while try await iterator.next() != nil {} }
            #expect(status?.code == .cancelled)
            try await eventually("the handler is cancelled") { harness.echo.cancelled.load(ordering: .relaxed) == 1 }
        }
    }

    @Test func droppingTheStreamCancelsTheHandler() async throws {
        try await Harness.run { harness in
            for try await _ in harness.stream("slow:100000") { break }
            try await eventually("the handler is cancelled") { harness.echo.cancelled.load(ordering: .relaxed) == 1 }
        }
    }

    @Test func cancellingTheReadersTaskCancelsTheHandler() async throws {
        try await Harness.run { harness in
            let reader = Task {
                await statusThrown { for try await _ in harness.stream("slow:100000") {} }
            }
            try await eventually("messages flow") { harness.echo.written.load(ordering: .relaxed) > 2 }
            reader.cancel()
            let status = await reader.value
            #expect(status?.code == .cancelled)
            try await eventually("the handler is cancelled") { harness.echo.cancelled.load(ordering: .relaxed) == 1 }
        }
    }

    @Test func aBlockedWriterIsReleasedByCancellation() async throws {
        try await Harness.run { harness in
            let stream = harness.stream("count:1000:100000")
            var iterator = stream.makeAsyncIterator()
            _ = try await iterator.next()
            stream.cancel()
            try await eventually("the handler is cancelled") { harness.echo.cancelled.load(ordering: .relaxed) == 1 }
        }
    }

    @Test func aSecondReaderIsRefused() async throws {
        try await Harness.run { harness in
            let stream = harness.stream("slow:100000")
            var first = stream.makeAsyncIterator()
            _ = try await first.next()
            // Whichever loses is told so; the other goes on until the stream is cancelled.
            let codes = await withTaskGroup(of: GRPCStatus.Code?.self) { group in
                for _ in 0..<2 {
                    group.addTask { await statusThrown { for try await _ in stream {} }?.code }
                }
                let loser = await group.next() ?? nil
                stream.cancel()
                return [loser, await group.next() ?? nil]
            }
            #expect(codes == [.internalError, .cancelled])
        }
    }
}

extension Harness {
    /// Counts at the echo service.
    func stream(_ command: String, timeout: Duration? = patience) -> GRPCMessageStream {
        channel.serverStreaming(EchoService.count, [UInt8](command), timeout: timeout)
    }
}

extension GRPCMessageStream {
    /// All messages as text.
    func texts() async throws -> [String] {
        var texts: [String] = []
        for try await message in self { texts.append(message.text) }
        return texts
    }
}
