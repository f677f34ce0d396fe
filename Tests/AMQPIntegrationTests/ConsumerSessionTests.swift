import Testing

@testable import AMQP

/// Consumers, declarations and the connection itself, played by hand.
@Suite struct ConsumerSessionTests {
    private let start = ContinuousClock.now

    private func connected(replyTimeout: Duration = .seconds(10)) -> ConnectionSession {
        let session = ConnectionSession(
            replyTimeout: replyTimeout, backoff: Backoff(base: .milliseconds(100), cap: .seconds(2)),
            generator: MaximalGenerator())
        session.connected(channelMax: 10, heartbeat: .seconds(10), now: start)
        return session
    }

    /// A consumer's parts as its owner holds them.
    private struct Parts {
        let buffer = DeliveryBuffer()
        let readiness = Readiness()
        let cancellation = CancellationFlag()
        let settlements: SettlementQueue

        init() throws { settlements = SettlementQueue(waker: try Waker()) }
    }

    private func consumer(on session: ConnectionSession, now: ContinuousClock.Instant) throws -> Parts {
        let parts = try Parts()
        let queue = AMQPQueue(name: "q")
        session.add(
            ConsumerRole(
                configuration: .init(queue: queue, prefetch: 5), buffer: parts.buffer, settlements: parts.settlements,
                readiness: parts.readiness, cancellation: parts.cancellation))
        try session.tick(now: now)
        try subscribe(session, channel: 1, now: now)
        #expect(parts.readiness.isReady)
        return parts
    }

    private func subscribe(_ session: ConnectionSession, channel: UInt16, now: ContinuousClock.Instant) throws {
        for reply in [SynchronousReply.channelOpen, .queueDeclare, .qos, .consume] {
            try session.receive(.method(channel: channel, .completed(reply)), now: now)
        }
        let expected: [OutboundMethod] = [
            .channelOpen, .queueDeclare(AMQPQueue(name: "q")), .qos(prefetch: 5),
            .consume(queue: "q", isExclusive: false),
        ]
        #expect(session.takeOutput() == expected.map { .method(channel: channel, $0) })
    }

    private func deliver(_ tag: UInt64, to session: ConnectionSession, channel: UInt16 = 1) throws {
        let arguments = InboundMethod.Delivering(tag: tag, redelivered: false, exchange: "e", routingKey: "k")
        try session.receive(.method(channel: channel, .deliver(arguments)), now: start)
        try session.receive(.header(channel: channel, bodySize: 0, AMQPProperties()), now: start)
    }

    @Test func coalescesAcknowledgements() async throws {
        let session = connected()
        let parts = try consumer(on: session, now: start)
        for tag in 1...3 as ClosedRange<UInt64> { try deliver(tag, to: session) }
        #expect(parts.buffer.count == 3)
        for _ in 1...3 { await parts.buffer.next()?.ack() }
        try session.tick(now: start)
        #expect(session.takeOutput() == [.method(channel: 1, .ack(tag: 3, multiple: true))])
    }

    @Test func ignoresAcknowledgementsOfAFormerConnection() async throws {
        let session = connected()
        let parts = try consumer(on: session, now: start)
        try deliver(1, to: session)
        try deliver(2, to: session)
        let old = await parts.buffer.next()
        session.disconnected(AMQPError(.connectionLost, "reset"))
        #expect(parts.buffer.count == 0 && !parts.readiness.isReady)
        old?.ack()
        session.connected(channelMax: 10, heartbeat: nil, now: start)
        try session.tick(now: start)
        try subscribe(session, channel: 1, now: start)
        try deliver(1, to: session)
        old?.ack()
        try session.tick(now: start)
        #expect(session.takeOutput() == [])
        await parts.buffer.next()?.ack()
        try session.tick(now: start)
        #expect(session.takeOutput() == [.method(channel: 1, .ack(tag: 1, multiple: false))])
    }

    @Test func subscribesAgainAfterACancelOfTheBroker() throws {
        let session = connected()
        let parts = try consumer(on: session, now: start)
        try deliver(1, to: session)
        try session.receive(.method(channel: 1, .cancel), now: start)
        #expect(session.takeOutput() == [.method(channel: 1, .channelClose)])
        #expect(!parts.readiness.isReady && parts.buffer.count == 0)
        // What was on its way meanwhile is ignored.
        try deliver(2, to: session)
        #expect(parts.buffer.count == 0)
        try session.receive(.method(channel: 1, .completed(.channelClose)), now: start)
        try session.tick(now: start + .milliseconds(200))
        try subscribe(session, channel: 1, now: start)
        #expect(parts.readiness.isReady)
    }

    @Test func sendsTheLastAcknowledgementsOfACancelledConsumer() async throws {
        let session = connected()
        let parts = try consumer(on: session, now: start)
        try deliver(1, to: session)
        await parts.buffer.next()?.ack()
        parts.cancellation.set()
        try session.tick(now: start)
        let expected: [OutboundMethod] = [.ack(tag: 1, multiple: false), .channelClose]
        #expect(session.takeOutput() == expected.map { .method(channel: 1, $0) })
        try session.tick(now: start + .seconds(3))
        #expect(session.takeOutput() == [])
    }

    @Test(arguments: [2, 0] as [UInt64]) func endsAConnectionWithDeliveryTagsOutOfTurn(tag: UInt64) throws {
        let session = connected()
        _ = try consumer(on: session, now: start)
        let error = #expect(throws: AMQPError.self) { try deliver(tag, to: session) }
        #expect(error?.code == .protocolViolation)
    }

    @Test func endsAConnectionThatSpeaksOnAChannelNobodyOpened() {
        let session = connected()
        let frames: [InboundFrame] = [
            .method(channel: 7, .ack(tag: 1, multiple: false)), .header(channel: 7, bodySize: 0, AMQPProperties()),
            .body(channel: 7, []),
        ]
        for frame in frames { #expect(throws: AMQPError.self) { try session.receive(frame, now: start) } }
    }

    @Test func answersACloseOfTheBroker() {
        let session = connected()
        let error = #expect(throws: AMQPError.self) {
            try session.receive(
                .method(channel: 0, .connectionClose(code: 320, text: "CONNECTION_FORCED")), now: start)
        }
        #expect(error == AMQPError(.connectionClosed(replyCode: 320), "320 CONNECTION_FORCED"))
        #expect(session.takeOutput() == [.method(channel: 0, .connectionCloseOK)])
    }

    @Test func sendsHeartbeatsAndNoticesTheirAbsence() throws {
        let session = connected()
        #expect(session.nextDeadline(now: start) == start + .seconds(5))
        try session.tick(now: start + .seconds(5))
        #expect(session.takeOutput() == [.heartbeat])
        session.bytesSent(now: start + .seconds(5))
        session.bytesReceived(now: start + .seconds(9))
        try session.tick(now: start + .seconds(9))
        #expect(session.takeOutput() == [])
        let error = #expect(throws: AMQPError.self) { try session.tick(now: start + .seconds(24)) }
        #expect(error?.code == .connectionLost && error?.isRetriable == true)
    }

    @Test func givesUpOnAnAnswerThatDoesNotComeAndTriesAnotherChannel() throws {
        let session = connected(replyTimeout: .seconds(1))
        let readiness = Readiness()
        session.add(
            DeclarationRole([.exchangeDeclare(.topic("e"))], readiness: readiness, isAbandoned: CancellationFlag()))
        try session.tick(now: start)
        try session.tick(now: start + .seconds(1))
        let expected: [OutboundMethod] = [.channelOpen, .channelClose]
        #expect(session.takeOutput() == expected.map { .method(channel: 1, $0) })
        try session.tick(now: start + .seconds(2))
        #expect(session.takeOutput() == [.method(channel: 2, .channelOpen)])
    }

    @Test func endsAConnectionWhoseChannelsNeverClose() {
        let session = connected(replyTimeout: .zero)
        session.add(DeclarationRole([], readiness: Readiness(), isAbandoned: CancellationFlag()))
        let wide = AMQPError(.timedOut, "the broker does not answer on 33 channels")
        session.connected(channelMax: 100, heartbeat: nil, now: start)
        let error = #expect(throws: AMQPError.self) {
            for second in 0..<1000 { try session.tick(now: start + .seconds(second * 3)) }
        }
        #expect(error == wide)
    }

    @Test func reportsARefusedDeclarationOnce() async throws {
        let session = connected()
        let readiness = Readiness()
        session.add(
            DeclarationRole([.exchangeDeclare(.topic("e"))], readiness: readiness, isAbandoned: CancellationFlag()))
        try session.tick(now: start)
        try session.receive(.method(channel: 1, .completed(.channelOpen)), now: start)
        try session.receive(.method(channel: 1, .channelClose(code: 406, text: "PRECONDITION_FAILED")), now: start)
        let error = await #expect(throws: AMQPError.self) { try await readiness.wait(timeout: patience) }
        #expect(error?.code == .channelClosed(replyCode: 406))
        _ = session.takeOutput()
        try session.tick(now: start + .seconds(4))
        #expect(session.takeOutput() == [])
    }

    @Test func closesInOrder() async throws {
        let session = connected()
        let parts = try consumer(on: session, now: start)
        try deliver(1, to: session)
        await parts.buffer.next()?.ack()
        session.beginClose(now: start, bound: .seconds(1))
        #expect(
            session.takeOutput() == [
                .method(channel: 1, .ack(tag: 1, multiple: false)), .method(channel: 0, .connectionClose),
            ])
        try session.tick(now: start)
        #expect(!session.isClosed)
        try session.receive(.method(channel: 0, .completed(.connectionClose)), now: start)
        #expect(session.isClosed)
        session.end()
        #expect(await parts.buffer.next() == nil)
    }

    @Test func closesWithoutAnAnswerWhenTheBoundPasses() throws {
        let session = connected()
        session.beginClose(now: start, bound: .seconds(1))
        try session.tick(now: start + .seconds(1))
        #expect(session.isClosed)
    }
}
