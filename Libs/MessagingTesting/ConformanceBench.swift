internal import Chronology
internal import CloudEvents
internal import Messaging
internal import Synchronization

/// The checks of `BrokerConformance`, over one broker.
struct ConformanceBench: Sendable {
    /// Long enough for a real broker on a busy machine.
    static let patience: Duration = .seconds(60)

    let broker: BrokerUnderTest
    /// Keeps topics and queues of one check apart from all others.
    let scope = "conformance.\(UUIDv7.make().description.replacing("-", with: ""))"

    func deliversWhatWasPublished() async throws {
        try await consuming("basic", ["\(scope).#"]) { inbox in
            let event = OutboundEvent(
                id: "id-1", routingKey: "\(scope).one.v1", contentType: "application/json",
                headers: [
                    MessageHeader("cloudEvents:id", .string("id-1")), MessageHeader("cloudEvents:count", .integer(-7)),
                    MessageHeader("cloudEvents:flag", .boolean(true)),
                    MessageHeader("cloudEvents:bytes", .binary([0, 255])),
                ], body: Array("{\"naïve\":1}\u{0}".utf8))
            try await publishRouted([event])
            let delivery = try await inbox.next()
            try require(delivery.body == event.body, "the body arrives as it was")
            try require(delivery.contentType == event.contentType, "the content type arrives")
            try require(delivery.routingKey == event.routingKey, "the routing key arrives")
            try require(Set(event.headers).isSubset(of: delivery.headers), "the headers arrive with their types")
            try require(!delivery.redelivered, "a first delivery is not marked as another")
            delivery.ack()
        }
    }

    func keepsOrder() async throws {
        try await consuming("order", ["\(scope).#"], prefetch: 50) { inbox in
            try await publishRouted([event("order.start")])
            for start in stride(from: 0, to: 500, by: 100) {
                try await publishRouted((start..<(start + 100)).map { event("order.\($0)") })
            }
            try await inbox.next().ack()
            for number in 0..<500 {
                let delivery = try await inbox.next()
                try require(
                    delivery.routingKey == "\(scope).order.\(number)", "events arrive in the order of publishing")
                delivery.ack()
            }
        }
    }

    func routesByPattern() async throws {
        try await consuming("star", ["\(scope).*.v1"]) { star in
            try await consuming("hash", ["\(scope).a.#"]) { hash in
                try await publishRouted([event("a.v1"), event("b.v1"), event("a.b.c"), event("z.v1")])
                for expected in ["a.v1", "b.v1", "z.v1"] { try await star.expect("\(scope).\(expected)") }
                for expected in ["a.v1", "a.b.c"] { try await hash.expect("\(scope).\(expected)") }
            }
        }
    }

    func reportsUnroutableInPlace() async throws {
        try await consuming("routable", ["\(scope).known.*"]) { inbox in
            try await publishRouted([event("known.0")])
            let outcomes = await broker.publisher.publish([event("known.1"), event("unknown.1"), event("known.2")])
            try require(outcomes.count == 3, "there is one outcome per event")
            try require(outcomes[0] == .confirmed && outcomes[2] == .confirmed, "routable events are confirmed")
            guard case .unroutable = outcomes[1] else {
                throw ConformanceFailure(description: "an event without a queue is unroutable, in its place")
            }
            for number in 0...2 { try await inbox.expect("\(scope).known.\(number)") }
        }
    }

    func redeliversWhatWasNotSettled() async throws {
        try await consuming("again", ["\(scope).#"]) { inbox in
            try await publishRouted([event("a"), event("b")])
            try await inbox.expect("\(scope).a")
            _ = try await inbox.next()
        }
        try await consuming("again", ["\(scope).#"]) { inbox in
            let delivery = try await inbox.next()
            try require(delivery.routingKey == "\(scope).b", "what was acknowledged does not come again, the rest does")
            try require(delivery.redelivered, "another delivery is marked as such")
            delivery.ack()
        }
    }

    func requeuesOnRetry() async throws {
        try await consuming("retry", ["\(scope).#"]) { inbox in
            try await publishRouted([event("a")])
            let first = try await inbox.next()
            first.retry()
            let again = try await inbox.next()
            try require(again.routingKey == "\(scope).a" && again.redelivered, "what was given back comes again")
            again.retry()
            let last = try await inbox.next()
            try require(
                again.headers == first.headers && last.headers == first.headers,
                "what comes again has the headers that it was published with")
            last.ack()
        }
    }

    func forgetsOnReject() async throws {
        try await consuming("reject", ["\(scope).#"], prefetch: 1) { inbox in
            try await publishRouted([event("a"), event("b")])
            try await inbox.next().reject()
            try await inbox.expect("\(scope).b")
        }
        try await consuming("reject", ["\(scope).#"]) { inbox in
            try await publishRouted([event("c")])
            try await inbox.expect("\(scope).c")
        }
    }

    func holdsBackAtPrefetch() async throws {
        try await consuming("prefetch", ["\(scope).#"], prefetch: 3) { inbox in
            try await publishRouted((0..<10).map { event("\($0)") })
            var held: [Delivery] = []
            for _ in 0..<3 { held.append(try await inbox.next()) }
            // The fourth may only come once there is room: all of 0 to 9 come, yet never more than three at a time.
            for number in 3..<10 {
                try require(inbox.waiting == 0, "no more than the prefetch is delivered at a time")
                held.removeFirst().ack()
                held.append(try await inbox.next())
                try require(held.last?.routingKey == "\(scope).\(number)", "the next one follows in order")
            }
            for delivery in held { delivery.ack() }
        }
    }

    func keepsEventsOfADurableQueue() async throws {
        try await consuming("durable", ["\(scope).#"]) { inbox in
            try await publishRouted([event("first")])
            try await inbox.expect("\(scope).first")
        }
        let outcomes = await broker.publisher.publish([event("second"), event("third")])
        try require(outcomes == [.confirmed, .confirmed], "a durable queue takes events while nobody consumes")
        try await consuming("durable", ["\(scope).#"]) { inbox in
            try await inbox.expect("\(scope).second")
            try await inbox.expect("\(scope).third")
        }
    }

    func dropsAnExclusiveQueue() async throws {
        try await consuming("exclusive", ["\(scope).#"], durability: .exclusive) { inbox in
            try await publishRouted([event("a")])
            try await inbox.expect("\(scope).a")
        }
        try await eventually("an exclusive queue ends with its consumer") {
            guard case .unroutable = await broker.publisher.publish([event("b")]).first else { return false }
            return true
        }
    }

    func redeliversAfterAnInterruption() async throws {
        guard let interrupt = broker.interrupt else { return }
        try await consuming("interrupted", ["\(scope).#"]) { inbox in
            try await publishRouted([event("a"), event("b")])
            let first = try await inbox.next()
            _ = try await inbox.next()
            try await interrupt()
            var seen: Set<String> = []
            while seen.count < 2 {
                let delivery = try await inbox.next()
                seen.insert(delivery.routingKey)
                delivery.ack()
            }
            // Its connection is gone: no effect, and no harm to the new one.
            first.ack()
            try await publishRouted([event("c")])
            while true {
                let delivery = try await inbox.next()
                delivery.ack()
                if delivery.routingKey == "\(scope).c" { break }
            }
        }
    }

    func publishesNothingForNothing() async throws {
        let outcomes = await broker.publisher.publish([])
        try require(outcomes.isEmpty, "no event, no outcome")
    }
}

extension ConformanceBench {
    func event(_ topic: String) -> OutboundEvent {
        OutboundEvent(
            id: UUIDv7.make().description, routingKey: "\(scope).\(topic)", contentType: "application/json",
            body: Array("{}".utf8))
    }

    func require(_ condition: Bool, _ promise: String) throws {
        if !condition { throw ConformanceFailure(description: promise) }
    }

    /// Publishes; repeats what is not confirmed.
    func publishRouted(_ events: [OutboundEvent]) async throws {
        var left = events[...]
        try await eventually("events with a bound queue are confirmed") {
            let outcomes = await broker.publisher.publish(Array(left))
            left = left.dropFirst(outcomes.prefix { $0 == .confirmed }.count)
            return left.isEmpty
        }
    }

    func eventually(_ promise: String, _ condition: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + Self.patience
        while true {
            if try await condition() { return }
            guard ContinuousClock.now < deadline else { throw ConformanceFailure(description: promise) }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Waits until a queue is bound: one probe per binding, each routed into this queue alone, is confirmed.
    ///
    /// Without it, an event may find one of two queues bound, or be returned and confirmed when published again behind
    /// another.
    private func awaitBindings(_ subscription: Subscription) async throws {
        for (number, binding) in subscription.bindings.enumerated() {
            let word = "\(DeliveryInbox.probe)\(number)-\(UUIDv7.make().description)"
            let topic = binding.description.split(separator: ".").map { $0 == "*" || $0 == "#" ? word : String($0) }
            let probe = OutboundEvent(
                id: UUIDv7.make().description, routingKey: topic.joined(separator: "."),
                contentType: "application/json", body: Array("{}".utf8))
            try await publishRouted([probe])
        }
    }

    /// Consumes a queue while `body` runs, which starts when the queue is bound.
    func consuming(
        _ queue: String, _ bindings: [String], prefetch: Int = 100, durability: Subscription.Durability = .durable,
        _ body: (DeliveryInbox) async throws -> Void
    ) async throws {
        let subscription = Subscription(
            queue: "\(scope).\(queue)", bindings: bindings.map { TopicPattern($0) }, prefetch: prefetch,
            durability: durability)
        let inbox = DeliveryInbox()
        let subscriber = broker.subscriber
        let task = Task {
            for await delivery in subscriber.deliveries(from: subscription) { inbox.put(delivery) }
        }
        do {
            try await awaitBindings(subscription)
            try await body(inbox)
        } catch {
            task.cancel()
            await task.value
            throw error
        }
        task.cancel()
        await task.value
    }
}

/// Deliveries on their way from a consuming task to a check.
final class DeliveryInbox: Sendable {
    private let deliveries = Mutex<[Delivery]>([])

    /// How many have arrived and were not taken.
    var waiting: Int { deliveries.withLock { $0.count } }

    /// What the topics of events that only test a binding contain.
    static let probe = "probe-"

    func put(_ delivery: Delivery) {
        guard !delivery.routingKey.contains(Self.probe) else { return delivery.ack() }
        deliveries.withLock { $0.append(delivery) }
    }

    /// The next delivery, within the suite's patience.
    func next() async throws -> Delivery {
        let deadline = ContinuousClock.now + ConformanceBench.patience
        while true {
            if let first = deliveries.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return first }
            guard ContinuousClock.now < deadline else { throw ConformanceFailure(description: "a delivery arrives") }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Takes the next delivery, which must have this routing key, and acknowledges it.
    func expect(_ routingKey: String) async throws {
        let delivery = try await next()
        guard delivery.routingKey == routingKey else {
            throw ConformanceFailure(description: "expected \(routingKey), got \(delivery.routingKey)")
        }
        delivery.ack()
    }
}
