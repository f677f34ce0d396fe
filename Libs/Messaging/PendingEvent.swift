internal import CloudEvents
internal import Postgres

/// An event, or a message that is none, on its way through a consumer.
struct PendingEvent: Sendable {
    enum Content: Sendable {
        case event(CloudEvent)
        case message(Delivery)
    }

    let content: Content
    let identity: EventIdentity

    var event: CloudEvent? {
        if case .event(let event) = content { event } else { nil }
    }

    var type: String {
        switch content {
        case .event(let event): event.type
        case .message(let delivery): delivery.routingKey
        }
    }

    func parkingQuery(_ parking: LaneSchedule<PendingEvent>.Parking, consumer: String) -> PostgresQuery {
        switch content {
        case .event(let event):
            DeadLetters.park(
                event, identity: identity, consumer: consumer, reason: parking.reason, attempts: parking.attempts,
                error: parking.error)
        case .message(let delivery):
            DeadLetters.park(delivery, identity: identity, consumer: consumer, error: parking.error)
        }
    }
}

/// A delivery that is acknowledged when all its events are settled; a batch has several.
final class DeliveryShare {
    private let delivery: Delivery
    private var remaining: Int

    init(_ delivery: Delivery, events: Int) {
        self.delivery = delivery
        remaining = events
    }

    func settle() {
        remaining -= 1
        if remaining == 0 { delivery.ack() }
    }
}

extension EventIdentity {
    /// Drawn from a whole message, so that the same one again is known.
    init(of delivery: Delivery) {
        let headers = delivery.headers.map { "\($0.name)=\($0.value)" }.joined(separator: "\n")
        self.init(ofMessage: [
            Array(delivery.routingKey.utf8), Array(delivery.contentType.utf8), Array(headers.utf8), delivery.body,
        ])
    }
}
