import Chronology
import Contracts
import GRPC
import HTTPTesting
import Synchronization
import Testing
import TestKit

@testable import GatewayAPI

/// Streams that go on after an event that the client has.
@Suite(.timeLimit(.minutes(5))) struct ResumeTests {
    /// What the event processor keeps, for one user.
    private final class History: Sendable {
        private let events = Mutex<[StreamEvent]>([])

        func add(_ ids: String...) {
            events.withLock { events in
                events += ids.map { StreamEvent(id: $0, type: "florin.expense.expense_created.v1", event: #"{"n":1}"#) }
            }
        }

        /// Adds them unless they are there.
        func addOnce(_ ids: String...) {
            let known = Set(events.withLock { $0.map(\.id) })
            for id in ids where !known.contains(id) { add(id) }
        }

        /// Pages of two.
        func page(_ query: StreamEventQuery) -> StreamEventPage {
            events.withLock { events in
                let known = events.firstIndex { $0.id == query.afterEvent }.map { Int64($0) + 1 }
                guard let start = query.afterPosition ?? known else { return StreamEventPage(isKnown: false) }
                let rest = events.dropFirst(Int(start))
                return StreamEventPage(
                    isKnown: true, events: Array(rest.prefix(2)), position: start + Int64(min(2, rest.count)),
                    hasMore: rest.count > 2)
            }
        }
    }

    private let history = History()
    private let ids = (0..<6).map { _ in UUIDv7.make().description }

    private func open(_ bench: GatewayBench, user: UUIDv7, after id: String) async throws -> SocketClient {
        let client = try SocketClient(bench.address)
        let token = try bench.tokens.make(user: user)
        try await client.send(
            bench.request("GET", "/v1/events/stream", token: token, headers: ["Last-Event-ID: \(id)"]))
        let head = try await client.receive(until: "\r\n\r\n")
        #expect(head.hasPrefix("HTTP/1.1 200"))
        _ = try await client.receive(until: ": connected\n\n")
        return client
    }

    /// The ids in what came over the wire, in their order.
    private func received(_ text: String) -> [String] {
        text.matches(of: /id: ([0-9a-f-]{36})\n/).map { String($0.1) }
    }

    @Test func goesOnWhereItWas() async throws {
        try await GatewayBench.run { bench in
            let user = UUIDv7.make()
            history.add(ids[0], ids[1], ids[2], ids[3], ids[4])
            bench.services.on("ListStreamEvents") { [history] (query: StreamEventQuery, context) in
                #expect(context.metadata["florin-user-id"] == user.description)
                return history.page(query)
            }
            let client = try await open(bench, user: user, after: ids[0])
            let missed = try await client.receive(until: "id: \(ids[4])\n")
            #expect(received(missed) == Array(ids[1...4]))
            #expect(missed.contains("\nevent: expense.expense_created.v1\ndata: {\"n\":1}\n\n"))
            let live = try await bench.publish("florin.expense.expense_created.v1", user: user)
            #expect(received(try await client.receive(until: "id: \(live)\n")) == [live])
        }
    }

    @Test func whatHappensMeanwhileComesOnceAndLater() async throws {
        try await GatewayBench.run { bench in
            let user = UUIDv7.make()
            let (gate, openGate) = AsyncStream<Void>.makeStream()
            history.add(ids[0], ids[1], ids[2])
            bench.services.on("ListStreamEvents") { [history] (query: StreamEventQuery, _) in
                if query.afterPosition == 3 { for await _ in gate {} }
                return history.page(query)
            }
            history.add(ids[3])
            let client = try await open(bench, user: user, after: ids[0])
            // The second page is being asked for: two events come live, of which the history has the first as well.
            let both = try await bench.publish("florin.expense.expense_created.v1", user: user)
            let alone = try await bench.publish("florin.expense.expense_created.v1", user: user)
            history.add(both)
            openGate.finish()
            let text = try await client.receive(until: "id: \(alone)\n")
            #expect(received(text) == [ids[1], ids[2], ids[3], both, alone])
        }
    }

    /// The history is behind the gateway's own queue: what happens waits for what happened before it, since a client that was cut off
    /// in between would go on after the later one.
    @Test func whatHappenedBeforeComesBefore() async throws {
        try await GatewayBench.run({ $0.settlingTime = .seconds(60) }) { bench in
            let user = UUIDv7.make()
            let (gate, openGate) = AsyncStream<Void>.makeStream()
            history.add(ids[0])
            bench.services.on("ListStreamEvents") { [history] (query: StreamEventQuery, _) in
                if query.afterPosition != nil { for await _ in gate {} }
                return history.page(query)
            }
            let client = try await open(bench, user: user, after: ids[0])
            let live = try await bench.publish("florin.expense.expense_created.v1", user: user)
            let later = try await bench.publish("florin.expense.expense_created.v1", user: user)
            history.add(ids[1], live)
            openGate.finish()
            #expect(received(try await client.receive(until: "id: \(later)\n")) == [ids[1], live, later])
        }
    }

    @Test func anEventThatWasKeptLateComesToo() async throws {
        try await GatewayBench.run { bench in
            history.add(ids[0])
            bench.services.on("ListStreamEvents") { [history, late = ids[1]] (query: StreamEventQuery, _) in
                // Kept after the stream was opened.
                if query.afterPosition == 1 { history.addOnce(late) }
                return history.page(query)
            }
            let client = try await open(bench, user: .make(), after: ids[0])
            #expect(received(try await client.receive(until: "id: \(ids[1])\n")) == [ids[1]])
        }
    }

    /// A client that comes back at once may have seen an event that the history does not have yet.
    @Test func anEventThatTheHistoryDoesNotHaveYetIsNoGap() async throws {
        try await GatewayBench.run { bench in
            // Made in a moment, so that the whole of the patience is left.
            let recent = UUIDv7(at: SystemClock().now() + .seconds(60)).description
            bench.services.on("ListStreamEvents") { [history, next = ids[1]] (query: StreamEventQuery, _) in
                // Kept once it was asked for in vain.
                defer { if query.afterEvent == recent { history.addOnce(recent, next) } }
                return history.page(query)
            }
            let client = try SocketClient(bench.address)
            try await client.send(
                bench.request(
                    "GET", "/v1/events/stream", token: try bench.tokens.make(), headers: ["Last-Event-ID: \(recent)"]))
            let text = try await client.receive(until: "id: \(ids[1])\n")
            #expect(received(text) == [ids[1]] && !text.contains("stream.gap"))
        }
    }

    @Test(arguments: ["019aa1b2-0000-7000-8000-000000000001", "DEADBEEF-0000-0000-0000-000000000000"])
    func aGapIsTold(last: String) async throws {
        try await GatewayBench.run { bench in
            let user = UUIDv7.make()
            bench.services.on("ListStreamEvents") { [history] (query: StreamEventQuery, _) in history.page(query) }
            let client = try await open(bench, user: user, after: last)
            #expect(try await client.receive(until: "\n\n").hasSuffix("event: stream.gap\ndata: {}\n\n"))
            let live = try await bench.publish("florin.expense.expense_created.v1", user: user)
            #expect(received(try await client.receive(until: "id: \(live)\n")) == [live])
        }
    }

    @Test func withoutItsHistoryNoStreamIsResumed() async throws {
        try await GatewayBench.run({ $0.missing = ["events"] }) { bench in
            let token = try bench.tokens.make()
            let answer = try await bench.send(
                "GET", "/v1/events/stream", token: token, headers: ["Last-Event-ID: \(ids[0])"])
            #expect(answer.status == 503 && answer["retry-after"] != nil)
            #expect(try answer.json("dependency") == "events")
            #expect(bench.streams.count == 0)
        }
    }

    @Test func whatIsHeldIsBounded() async throws {
        let stream = EventStream(
            user: "u", session: .make(), expiry: Timestamp(secondsSinceEpoch: 0), now: .zero, isHeld: true)
        let piece = [UInt8](repeating: 0, count: 100_000)
        #expect((0..<3).map { stream.offer(id: "\($0)", piece, now: .zero) } == [.queued, .queued, .overflowed])
        guard case .failure(let ended) = await stream.next() else {
            Issue.record("the stream goes on")
            return
        }
        #expect(ended.end == .overflow)
    }

    @Test func anEventComesOnceUntilItIsSettled() async throws {
        let stream = EventStream(
            user: "u", session: .make(), expiry: Timestamp(secondsSinceEpoch: 0), now: .zero, isHeld: true)
        stream.offer(id: "a", [1], now: .zero)
        stream.offer(id: "b", [2], now: .zero)
        stream.release(after: ["a"], now: .zero)
        stream.offer(id: "b", [3], now: .zero)
        stream.offer(id: "c", [4], now: .zero)
        #expect(try await stream.next().get() == [2, 4])
        stream.settle()
        stream.offer(id: "c", [5], now: .zero)
        #expect(try await stream.next().get() == [5])
    }
}
