import Testing
import TestKit

@testable import AMQP

/// What stands between callers and the connection's thread.
@Suite struct PublishQueueTests {
    private func batch(_ count: Int, size: Int = 0) -> PublishBatch {
        PublishBatch(
            (0..<count).map {
                AMQPMessage(
                    exchange: "", routingKey: "", id: "\($0)", body: Array(repeating: 0, count: size))
            })
    }

    @Test(arguments: [(10, 0, true), (11, 0, false), (5, 20, true), (5, 21, false)])
    func boundsMessagesAndBytes(count: Int, size: Int, fits: Bool) {
        let queue = PublishQueue(maximumMessages: 10, maximumBytes: 100)
        do throws(AMQPError) {
            try queue.append(batch(count, size: size))
            #expect(fits && queue.count == count)
        } catch {
            #expect(!fits && error.code == .overloaded && queue.count == 0)
        }
    }

    @Test func makesRoomByDroppingWhatHasGivenUp() throws {
        let queue = PublishQueue(maximumMessages: 10, maximumBytes: 100)
        let settled = batch(6)
        let waiting = batch(4)
        try queue.append(settled)
        try queue.append(waiting)
        settled.settleRest(.timedOut)
        try queue.append(batch(6))
        #expect(queue.count == 10)
        #expect(queue.takeAll().first === waiting)
        #expect(queue.count == 0)
    }

    @Test func refusesAfterItsEnd() async throws {
        let queue = PublishQueue(maximumMessages: 10, maximumBytes: 100)
        let waiting = batch(1)
        try queue.append(waiting)
        queue.close()
        let error = AMQPError(.shutDown, "the connection is shut down")
        #expect(await withCheckedContinuation { waiting.await($0) } == [.refused(error)])
        #expect(throws: error) { try queue.append(batch(1)) }
    }

    @Test func givesEachMessageTheFirstOfItsOutcomes() async {
        let batch = batch(3)
        batch.settle(1, .nacked)
        batch.settle(1, .confirmed)
        #expect(!batch.isSettled)
        batch.settleRest(.timedOut)
        batch.settle(0, .confirmed)
        #expect(batch.isSettled)
        #expect(await withCheckedContinuation { batch.await($0) } == [.timedOut, .nacked, .timedOut])
    }

    @Test func settlesOnceFromManyThreads() async {
        for _ in 0..<50 {
            let batch = batch(20)
            let outcomes = await withTaskGroup(of: [AMQPPublishOutcome].self) { group in
                group.addTask { await withCheckedContinuation { batch.await($0) } }
                for index in 0..<20 {
                    group.addTask {
                        batch.settle(index, .confirmed)
                        return []
                    }
                }
                group.addTask {
                    batch.settleRest(.timedOut)
                    return []
                }
                var all: [AMQPPublishOutcome] = []
                for await part in group { all += part }
                return all
            }
            #expect(outcomes.count == 20)
            #expect(outcomes.allSatisfy { $0 == .confirmed || $0 == .timedOut })
        }
    }
}

/// Deliveries on their way to the tasks that take them.
@Suite struct DeliveryBufferTests {
    private func delivery(_ tag: UInt64) throws -> AMQPDelivery {
        let arguments = InboundMethod.Delivering(tag: tag, redelivered: false, exchange: "", routingKey: "\(tag)")
        let content = AMQPContent(
            origin: .delivery(arguments), properties: AMQPProperties(), body: [], isOversized: false)
        return AMQPDelivery(
            arguments, content, generation: 1, settlements: SettlementQueue(waker: try Waker()))
    }

    @Test func keepsTheOrder() async throws {
        let buffer = DeliveryBuffer()
        for tag in 1...1000 as ClosedRange<UInt64> { buffer.append(try delivery(tag)) }
        for tag in 1...1000 { #expect(await buffer.next()?.routingKey == "\(tag)") }
        #expect(buffer.count == 0)
    }

    @Test func givesEachDeliveryToOneOfManyTakers() async throws {
        let buffer = DeliveryBuffer()
        let taken = try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var keys: [String] = []
                    while let delivery = await buffer.next() { keys.append(delivery.routingKey) }
                    return keys
                }
            }
            for tag in 1...500 as ClosedRange<UInt64> { buffer.append(try delivery(tag)) }
            try await eventually("all are taken") { buffer.count == 0 }
            buffer.finish()
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(taken.count == 500 && Set(taken).count == 500)
    }

    @Test func letsACancelledTakerGoWithoutADelivery() async throws {
        let buffer = DeliveryBuffer()
        let taker = Task { await buffer.next() }
        taker.cancel()
        #expect(await taker.value == nil)
        buffer.append(try delivery(1))
        #expect(await buffer.next()?.routingKey == "1")
    }

    @Test func dropsWhatTheBrokerWillDeliverAgain() async throws {
        let buffer = DeliveryBuffer()
        buffer.append(try delivery(1))
        buffer.removeAll()
        buffer.append(try delivery(2))
        #expect(await buffer.next()?.routingKey == "2")
    }

    @Test func endsForGood() async throws {
        let buffer = DeliveryBuffer()
        buffer.append(try delivery(1))
        buffer.finish()
        buffer.append(try delivery(2))
        #expect(await buffer.next() == nil)
        #expect(buffer.count == 0)
    }
}

/// Errors as callers tell them apart.
@Suite struct AMQPErrorTests {
    @Test(
        arguments: [
            (.connectionLost, true), (.connectFailed, true), (.timedOut, true), (.overloaded, true), (.system, true),
            (.connectionClosed(replyCode: 320), true), (.channelClosed(replyCode: 404), true),
            (.channelClosed(replyCode: 405), true), (.channelClosed(replyCode: 406), false),
            (.channelClosed(replyCode: 403), false), (.loginRefused, false), (.invalidConfiguration, false),
            (.invalidArgument, false), (.protocolViolation, false), (.cancelled, false), (.shutDown, false),
        ] as [(AMQPError.Code, Bool)])
    func knowsWhetherTryingAgainCanHelp(code: AMQPError.Code, isRetriable: Bool) {
        #expect(AMQPError(code, "").isRetriable == isRetriable)
        #expect(AMQPPublishOutcome.refused(AMQPError(code, "")).isRetriable == isRetriable)
    }

    @Test func knowsWhichOutcomesToPublishAgain() {
        #expect(!AMQPPublishOutcome.confirmed.isRetriable)
        #expect(!AMQPPublishOutcome.returned(code: 312, text: "NO_ROUTE").isRetriable)
        #expect(AMQPPublishOutcome.nacked.isRetriable && AMQPPublishOutcome.timedOut.isRetriable)
        #expect(AMQPPublishOutcome.connectionLost(AMQPError(.shutDown, "")).isRetriable)
    }
}
