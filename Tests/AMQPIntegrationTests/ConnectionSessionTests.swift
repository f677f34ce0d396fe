import Testing

@testable import AMQP

/// The protocol of a connection, played by hand: no socket, no broker, no clock.
@Suite struct ConnectionSessionTests {
    private let start = ContinuousClock.now

    /// A connected session.
    private func connected() -> ConnectionSession {
        let session = ConnectionSession(
            replyTimeout: .seconds(10), backoff: Backoff(base: .milliseconds(100), cap: .seconds(2)),
            generator: MaximalGenerator())
        session.connected(channelMax: 10, heartbeat: .seconds(10), now: start)
        return session
    }

    /// A publisher with its queue, open on channel 1.
    private func publisher(
        on session: ConnectionSession, _ configuration: AMQPPublisher.Configuration = .init()
    ) throws -> (isDropped: CancellationFlag, queue: PublishQueue, readiness: Readiness) {
        let queue = PublishQueue(maximumMessages: 100, maximumBytes: 10_000)
        let readiness = Readiness()
        let isDropped = CancellationFlag()
        let role = PublisherRole(
            queue: queue, readiness: readiness, configuration: configuration, topology: NotedTopology(),
            isDropped: isDropped)
        session.add(role)
        try session.tick(now: start)
        #expect(session.takeOutput() == [.method(channel: 1, .channelOpen)])
        try session.receive(.method(channel: 1, .completed(.channelOpen)), now: start)
        #expect(session.takeOutput() == [.method(channel: 1, .confirmSelect)])
        #expect(!readiness.isReady)
        try session.receive(.method(channel: 1, .completed(.confirmSelect)), now: start)
        #expect(readiness.isReady)
        return (isDropped, queue, readiness)
    }

    /// Sends all that may be sent, as the connection's thread does; answers the ids.
    private func send(_ session: ConnectionSession) -> [String] {
        var ids: [String] = []
        while let next = session.nextPublish() {
            ids.append(next.item.message.id)
            next.role.sent(next.item, now: start)
        }
        return ids
    }

    private func batch(_ numbers: Range<Int>, on queue: PublishQueue) throws -> PublishBatch {
        let batch = PublishBatch(numbers.map { order($0) })
        try queue.append(batch)
        return batch
    }

    private func outcomes(_ batch: PublishBatch) async -> [AMQPPublishOutcome] {
        await withCheckedContinuation { batch.await($0) }
    }

    @Test func settlesABatchThroughConfirmsReturnsAndNacks() async throws {
        let session = connected()
        let (_, queue, _) = try publisher(on: session)
        let batch = try batch(0..<4, on: queue)
        #expect(send(session) == ["order-0", "order-1", "order-2", "order-3"])
        try session.receive(.method(channel: 1, .returned(code: 312, text: "NO_ROUTE")), now: start)
        try session.receive(.header(channel: 1, bodySize: 1, AMQPProperties(messageID: "order-1")), now: start)
        try session.receive(.body(channel: 1, [0x31]), now: start)
        try session.receive(.method(channel: 1, .ack(tag: 2, multiple: true)), now: start)
        try session.receive(.method(channel: 1, .nack(tag: 4, multiple: false)), now: start)
        #expect(!batch.isSettled)
        try session.receive(.method(channel: 1, .ack(tag: 3, multiple: false)), now: start)
        #expect(
            await outcomes(batch) == [.confirmed, .returned(code: 312, text: "NO_ROUTE"), .confirmed, .nacked])
    }

    @Test func keepsWithinItsWindow() throws {
        var configuration = AMQPPublisher.Configuration()
        configuration.maximumInFlight = 3
        let session = connected()
        let (_, queue, _) = try publisher(on: session, configuration)
        _ = try batch(0..<5, on: queue)
        #expect(send(session) == ["order-0", "order-1", "order-2"])
        #expect(send(session) == [])
        try session.receive(.method(channel: 1, .ack(tag: 1, multiple: false)), now: start)
        #expect(send(session) == ["order-3"])
    }

    @Test func sendsNothingWhileBlockedAndGoesOnAfterwards() throws {
        let session = connected()
        let (_, queue, _) = try publisher(on: session)
        try session.receive(.method(channel: 0, .blocked(reason: "low on memory")), now: start)
        #expect(session.blockedReason == "low on memory")
        _ = try batch(0..<2, on: queue)
        #expect(send(session) == [])
        try session.receive(.method(channel: 0, .unblocked), now: start)
        #expect(send(session) == ["order-0", "order-1"])
        #expect(session.takeEvents() == [.connected, .blocked(reason: "low on memory"), .unblocked])
    }

    @Test func skipsABatchWhoseBoundHasPassed() throws {
        let session = connected()
        let (_, queue, _) = try publisher(on: session)
        let late = try batch(0..<2, on: queue)
        _ = try batch(2..<4, on: queue)
        late.settleRest(.timedOut)
        #expect(send(session) == ["order-2", "order-3"])
    }

    @Test func failsWhatIsInFlightWhenTheBrokerClosesTheChannel() async throws {
        let session = connected()
        let (_, queue, readiness) = try publisher(on: session)
        let batch = try batch(0..<2, on: queue)
        #expect(send(session).count == 2)
        try session.receive(.method(channel: 1, .channelClose(code: 404, text: "NOT_FOUND")), now: start)
        let error = AMQPError(.channelClosed(replyCode: 404), "404 NOT_FOUND")
        #expect(await outcomes(batch) == [.connectionLost(error), .connectionLost(error)])
        #expect(session.takeOutput() == [.method(channel: 1, .channelCloseOK)])
        #expect(session.takeEvents() == [.connected, .channelLost("publisher", error)])
        #expect(!readiness.isReady)
        // Opened again after the pause, not before.
        try session.tick(now: start + .milliseconds(99))
        #expect(session.takeOutput() == [])
        try session.tick(now: start + .milliseconds(101))
        #expect(session.takeOutput() == [.method(channel: 1, .channelOpen)])
    }

    @Test func failsWhatIsInFlightButKeepsWhatWaitsWhenTheConnectionIsLost() async throws {
        var configuration = AMQPPublisher.Configuration()
        configuration.maximumInFlight = 1
        let session = connected()
        let (_, queue, _) = try publisher(on: session, configuration)
        let lost = try batch(0..<2, on: queue)
        let waiting = try batch(2..<3, on: queue)
        #expect(send(session) == ["order-0"])
        let error = AMQPError(.connectionLost, "reset")
        session.disconnected(error)
        // Sent later, number 1 would overtake number 0.
        #expect(await outcomes(lost) == [.connectionLost(error), .connectionLost(error)])
        #expect(send(session) == [])
        session.connected(channelMax: 10, heartbeat: nil, now: start)
        try session.tick(now: start)
        try session.receive(.method(channel: 1, .completed(.channelOpen)), now: start)
        try session.receive(.method(channel: 1, .completed(.confirmSelect)), now: start)
        #expect(send(session) == ["order-2"])
        // Tags start over with the channel.
        try session.receive(.method(channel: 1, .ack(tag: 1, multiple: false)), now: start)
        #expect(await outcomes(waiting) == [.confirmed])
    }

    @Test func closesTheChannelOfAPublisherThatIsDropped() throws {
        let session = connected()
        let (isDropped, _, readiness) = try publisher(on: session)
        isDropped.set()
        try session.tick(now: start)
        #expect(session.takeOutput() == [.method(channel: 1, .channelClose)])
        #expect(!readiness.isReady)
        try session.receive(.method(channel: 1, .completed(.channelClose)), now: start)
        try session.tick(now: start + .seconds(3))
        #expect(session.takeOutput() == [])
    }

    @Test func opensAStalledChannelAnewUnlessTheBrokerIsBlocked() async throws {
        var configuration = AMQPPublisher.Configuration()
        configuration.stallTimeout = .seconds(3)
        let session = connected()
        let (_, queue, _) = try publisher(on: session, configuration)
        let batch = try batch(0..<1, on: queue)
        #expect(send(session).count == 1)
        try session.receive(.method(channel: 0, .blocked(reason: "")), now: start)
        try session.tick(now: start + .seconds(4))
        #expect(!session.takeOutput().contains(.method(channel: 1, .channelClose)))
        try session.receive(.method(channel: 0, .unblocked), now: start + .seconds(4))
        session.bytesReceived(now: start + .seconds(4))
        try session.tick(now: start + .seconds(6))
        #expect(!batch.isSettled)
        try session.tick(now: start + .seconds(8))
        #expect(session.takeOutput().contains(.method(channel: 1, .channelClose)))
        guard case .connectionLost(let error) = await outcomes(batch)[0] else {
            throw FixtureError(description: "kept")
        }
        #expect(error.code == .timedOut)
        // Its number is not used again before the broker has let go of it.
        try session.receive(.method(channel: 1, .ack(tag: 1, multiple: false)), now: start)
        try session.tick(now: start + .seconds(9))
        #expect(session.takeOutput().contains(.method(channel: 2, .channelOpen)))
    }
}
