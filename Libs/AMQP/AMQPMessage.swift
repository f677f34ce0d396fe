/// The properties of a message that Florin uses (AMQP 0-9-1, class `basic`). Short strings are at most 255 bytes of UTF-8.
package struct AMQPProperties: Sendable, Hashable {
    package var contentType: String?
    package var contentEncoding: String?
    package var headers: AMQPTable
    /// Delivery mode 2: the message survives a restart of the broker.
    package var isPersistent: Bool
    package var priority: UInt8?
    package var correlationID: String?
    /// Time to live in milliseconds, in decimal digits.
    package var expiration: String?
    package var messageID: String?
    /// Seconds since 1970-01-01T00:00:00Z.
    package var timestamp: UInt64?
    package var type: String?

    package init(
        contentType: String? = nil, contentEncoding: String? = nil, headers: AMQPTable = [:], isPersistent: Bool = true,
        priority: UInt8? = nil, correlationID: String? = nil, expiration: String? = nil, messageID: String? = nil,
        timestamp: UInt64? = nil, type: String? = nil
    ) {
        self.contentType = contentType
        self.contentEncoding = contentEncoding
        self.headers = headers
        self.isPersistent = isPersistent
        self.priority = priority
        self.correlationID = correlationID
        self.expiration = expiration
        self.messageID = messageID
        self.timestamp = timestamp
        self.type = type
    }
}

/// A message to be published. It is always `mandatory`: one that reaches no queue comes back as `AMQPPublishOutcome.returned`.
package struct AMQPMessage: Sendable, Hashable {
    package var exchange: String
    package var routingKey: String
    /// Names the message when the broker returns it, because `basic.return` carries no delivery tag. Must be unique
    /// among the messages in flight and not empty; travels as the `message-id` property.
    package var id: String
    /// `messageID` in here is ignored: `id` takes its place.
    package var properties: AMQPProperties
    package var body: [UInt8]

    package init(
        exchange: String, routingKey: String, id: String, properties: AMQPProperties = AMQPProperties(), body: [UInt8]
    ) {
        self.exchange = exchange
        self.routingKey = routingKey
        self.id = id
        self.properties = properties
        self.body = body
    }
}

/// What became of one published message.
package enum AMQPPublishOutcome: Sendable, Hashable {
    /// The broker has it, on disk in every queue that asks for that.
    case confirmed
    /// No queue took it: the broker sent it back with this reply code and text (312 `NO_ROUTE`).
    case returned(code: UInt16, text: String)
    /// The broker could not take responsibility for it (`basic.nack`); a queue was full or failed.
    case nacked
    /// The channel or connection ended before the confirm: the broker may or may not have it.
    case connectionLost(AMQPError)
    /// The bound passed before the confirm: the broker may have it, or may get it no more.
    case timedOut
    /// It never left this process: invalid, too many waiting, cancelled, or the connection is shut down.
    case refused(AMQPError)

    /// Whether publishing the same message again can help.
    package var isRetriable: Bool {
        switch self {
        case .confirmed, .returned: false
        case .nacked, .connectionLost, .timedOut: true
        case .refused(let error): error.isRetriable
        }
    }
}
