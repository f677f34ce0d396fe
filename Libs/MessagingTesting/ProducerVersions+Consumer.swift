package import CloudEvents
package import Messaging
package import Postgres

/// Messages that a consumer did not settle in time.
package struct Unsettled: Error {
    package let queue: String
    package let messages: Int
}

extension ProducerVersion {
    /// Has a consumer handle an event of each version, and beside them all that no version sends.
    ///
    /// - Parameters:
    ///   - events: one for each version, in the order of the versions, whose data are objects in JSON.
    ///   - foreign: of which the foreign messages are made; of other aggregates than the events.
    /// - Returns: why the consumer put letters aside, sorted.
    /// - Throws: `Unsettled` where messages are left after a minute and a half.
    package static func consume(
        _ events: [CloudEvent], beside foreign: [CloudEvent], from subscription: Subscription,
        by handler: any EventHandler, in pool: PostgresPool
    ) async throws -> [DeadLetterReason] {
        let broker = InMemoryBroker()
        broker.declare(subscription)
        let messages =
            try zip(ForeignMessage.allCases, foreign).map { try $0.message($1) }
            + zip(allCases, events).map { try $0.message($1) }
        precondition(messages.count == ForeignMessage.allCases.count + allCases.count, "an event for each message")
        guard await broker.publish(messages).allSatisfy({ $0 == .confirmed }) else {
            throw Unsettled(queue: subscription.queue, messages: messages.count)
        }
        let consumer = EventConsumer(subscriber: broker, subscription: subscription, pool: pool, handler: handler)
        let consuming = Task { await consumer.run() }
        defer { consuming.cancel() }
        let deadline = ContinuousClock.now + .seconds(90)
        func left() -> Int { broker.depth(of: subscription.queue) + broker.unsettled(of: subscription.queue) }
        while left() > 0 {
            guard ContinuousClock.now < deadline else { throw Unsettled(queue: subscription.queue, messages: left()) }
            try await Task.sleep(for: .milliseconds(20))
        }
        consuming.cancel()
        await consuming.value
        return try await DeadLetterStore(pool: pool).list(.init(consumer: subscription.queue)).map(\.reason)
            .sorted { $0.rawValue < $1.rawValue }
    }
}

extension ForeignMessage {
    /// Why all of them are put aside by a handler that reads the data, sorted.
    package static let reasons = allCases.map(\.reason).sorted { $0.rawValue < $1.rawValue }
}
