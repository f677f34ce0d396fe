/// A method this client sends.
enum OutboundMethod: Sendable, Hashable {
    case channelOpen
    case channelClose
    case channelCloseOK
    case connectionClose
    case connectionCloseOK
    case exchangeDeclare(AMQPExchange)
    case queueDeclare(AMQPQueue)
    case queueBind(AMQPBinding)
    case queueDelete(String)
    case confirmSelect
    case qos(prefetch: UInt16)
    case consume(queue: String, isExclusive: Bool)
    case ack(tag: UInt64, multiple: Bool)
    case reject(tag: UInt64, requeue: Bool)

    /// The answer that a synchronous method waits for.
    var reply: SynchronousReply? {
        switch self {
        case .channelOpen: .channelOpen
        case .channelClose: .channelClose
        case .connectionClose: .connectionClose
        case .exchangeDeclare: .exchangeDeclare
        case .queueDeclare: .queueDeclare
        case .queueBind: .queueBind
        case .queueDelete: .queueDelete
        case .confirmSelect: .confirmSelect
        case .qos: .qos
        case .consume: .consume
        case .channelCloseOK, .connectionCloseOK, .ack, .reject: nil
        }
    }
}

/// The `-ok` methods of the broker.
enum SynchronousReply: Sendable, Hashable {
    case channelOpen, channelClose, connectionClose, exchangeDeclare, queueDeclare, queueBind, queueDelete
    case confirmSelect, qos, consume
}

/// A method the broker sends.
enum InboundMethod: Sendable, Hashable {
    case completed(SynchronousReply)
    case deliver(Delivering)
    case returned(code: UInt16, text: String)
    case ack(tag: UInt64, multiple: Bool)
    case nack(tag: UInt64, multiple: Bool)
    case cancel
    case channelClose(code: UInt16, text: String)
    case connectionClose(code: UInt16, text: String)
    case blocked(reason: String)
    case unblocked
    /// A method this client has no use for.
    case other(id: UInt32)

    /// The arguments of `basic.deliver`.
    struct Delivering: Sendable, Hashable {
        var tag: UInt64
        var redelivered: Bool
        var exchange: String
        var routingKey: String
    }
}

/// A frame of the broker, its memory copied out of the C library.
enum InboundFrame: Sendable, Hashable {
    case method(channel: UInt16, InboundMethod)
    case header(channel: UInt16, bodySize: UInt64, AMQPProperties)
    case body(channel: UInt16, [UInt8])
}
