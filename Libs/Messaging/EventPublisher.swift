package import CloudEvents

/// An application header of a message: binary-mode context attributes travel as these.
package struct MessageHeader: Sendable, Hashable {
    /// The name as on the wire, `cloudEvents:type`.
    package let name: String
    /// The value.
    package let value: AttributeValue

    /// Pairs a name with a value.
    package init(_ name: String, _ value: AttributeValue) {
        self.name = name
        self.value = value
    }
}

/// An encoded event on its way to the broker.
package struct OutboundEvent: Sendable, Hashable {
    /// The event's id; implementations use it as message id, so that a returned message can be told.
    package let id: String
    /// The event's type; consumers bind their queues to patterns over it.
    package let routingKey: String
    /// The media type of `body`: `application/cloudevents+json; charset=utf-8` in structured mode.
    package let contentType: String
    /// Context attributes in binary mode, else empty.
    package let headers: [MessageHeader]
    /// The message's bytes.
    package let body: [UInt8]

    /// Takes what goes on the wire.
    package init(id: String, routingKey: String, contentType: String, headers: [MessageHeader] = [], body: [UInt8]) {
        self.id = id
        self.routingKey = routingKey
        self.contentType = contentType
        self.headers = headers
        self.body = body
    }
}

/// What became of one published event.
package enum PublishOutcome: Sendable, Hashable {
    /// The broker has taken responsibility: the event is stored in every queue it was routed to.
    case confirmed
    /// No queue is bound for the routing key. Nothing is stored. Needs an operator, so it raises an alarm.
    case unroutable(reason: String)
    /// Refused, lost with its connection, or unanswered within the bound. It may or may not be stored: publish again.
    case failed(reason: String)
}

/// The port through which the outbox relay hands events to a broker.
package protocol EventPublisher: Sendable {
    /// Publishes in the order given, persistently, with many confirmations in flight.
    ///
    /// - Returns: one outcome per event, in the order of `events`. Never later than ten seconds after the call: what is
    ///   unanswered by then has `failed`. Cancelling the caller's task also ends the wait.
    func publish(_ events: [OutboundEvent]) async -> [PublishOutcome]
}
