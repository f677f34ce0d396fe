internal import CloudEvents

/// An event, or a message that is none, on its way through a consumer.
struct PendingEvent: Sendable, Identifiable {
    enum Content: Sendable {
        case event(CloudEvent)
        /// A dead letter that is handled again.
        case letter(CloudEvent, number: Int64)
        case message(Delivery)
    }

    let content: Content
    let id: EventIdentity

    var event: CloudEvent? {
        switch content {
        case .event(let event), .letter(let event, _): event
        case .message: nil
        }
    }

    var type: String {
        switch content {
        case .event(let event), .letter(let event, _): event.type
        case .message(let delivery): delivery.routingKey
        }
    }

    var lane: String {
        // No event has a key with a NUL, so the lane of a message is its own.
        event.map { $0.partitionKey ?? $0.subject ?? $0.id } ?? "\0\(id)"
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
