import Chronology
import CloudEvents
import Testing

@testable import GatewayAPI

@Suite struct EventStreamTests {
    private let stream = EventStream(
        user: "u", session: .make(), expiry: Timestamp(secondsSinceEpoch: 0), now: .zero)

    private func ending(_ outcome: Result<[UInt8], EventStream.Ended>) -> EventStream.End? {
        if case .failure(let ended) = outcome { ended.end } else { nil }
    }

    @Test func whatWaitsComesAtOnce() async throws {
        stream.offer([1], now: .zero)
        stream.offer([2, 3], now: .zero)
        #expect(try await stream.next().get() == [1, 2, 3])
    }

    @Test func aReaderWaits() async throws {
        async let read = stream.next()
        await Task.yield()
        stream.offer([7], now: .zero)
        #expect(try await read.get() == [7])
    }

    @Test func aCompleteStreamIsReadToItsEnd() async throws {
        stream.offer([1], now: .zero)
        stream.finish(.complete)
        #expect(stream.offer([2], now: .zero) == .ended)
        #expect(try await stream.next().get() == [1])
        #expect(ending(await stream.next()) == .complete)
    }

    @Test func aSlowReaderIsCutOff() async {
        let piece = [UInt8](repeating: 0, count: 100_000)
        #expect((0..<4).map { _ in stream.offer(piece, now: .zero) } == [.queued, .queued, .overflowed, .ended])
        #expect(ending(await stream.next()) == .overflow)
    }

    @Test func cancellationEndsTheWait() async {
        let reader = Task { [stream] in await stream.next() }
        reader.cancel()
        #expect(ending(await reader.value) == .cancelled)
    }

    @Test func aHeartbeatComesOnlyInSilence() async throws {
        stream.offer([1], now: .seconds(10))
        stream.offerHeartbeat([9], now: .seconds(24), interval: .seconds(15))
        stream.offerHeartbeat([8], now: .seconds(25), interval: .seconds(15))
        stream.offerHeartbeat([7], now: .seconds(26), interval: .seconds(15))
        #expect(try await stream.next().get() == [1, 8])
    }

    @Test func anEventIsOneBlockOfLines() throws {
        let event = try CloudEvent(
            id: "e1", source: "/s", type: "florin.expense.budget_exceeded.v1", dataContentType: "application/json",
            data: .json(Array("{\n\"a\":\r\n1}".utf8)))
        let frame = String(decoding: ServerSentEvent.frame(event), as: UTF8.self)
        #expect(frame.hasPrefix("id: e1\nevent: expense.budget_exceeded.v1\ndata: {\"specversion\":\"1.0\""))
        #expect(frame.hasSuffix("}\n\n") && frame.split(separator: "\n").count == 3)
    }
}
