/// A delivery or a returned message, complete.
struct AMQPContent: Sendable, Hashable {
    /// What preceded the content.
    enum Origin: Sendable, Hashable {
        case delivery(InboundMethod.Delivering)
        case returned(code: UInt16, text: String)
    }

    var origin: Origin
    var properties: AMQPProperties
    var body: [UInt8]
    /// The body was larger than the limit and is left out.
    var isOversized: Bool
}

/// Puts the frames of one channel's contents together: method, header, bodies (AMQP 0-9-1, 4.2.6).
struct ContentAssembler: Sendable {
    private enum State {
        case idle
        case awaitingHeader(AMQPContent.Origin)
        case collecting(AMQPContent, remaining: UInt64)
    }

    /// The largest body kept, in bytes.
    let limit: Int
    private var state = State.idle

    init(limit: Int) { self.limit = limit }

    /// A content-bearing method arrived.
    mutating func begin(_ origin: AMQPContent.Origin) throws(AMQPError) {
        guard case .idle = state else { throw Self.misplaced("method") }
        state = .awaitingHeader(origin)
    }

    /// A header arrived; answers the content when it has no body.
    mutating func header(bodySize: UInt64, _ properties: AMQPProperties) throws(AMQPError) -> AMQPContent? {
        guard case .awaitingHeader(let origin) = state else { throw Self.misplaced("header") }
        let content = AMQPContent(
            origin: origin, properties: properties, body: [], isOversized: bodySize > UInt64(limit))
        guard bodySize > 0 else {
            state = .idle
            return content
        }
        state = .collecting(content, remaining: bodySize)
        return nil
    }

    /// A piece of body arrived; answers the content when it was the last.
    mutating func body(_ piece: [UInt8]) throws(AMQPError) -> AMQPContent? {
        guard case .collecting(var content, let remaining) = state, UInt64(piece.count) <= remaining else {
            throw Self.misplaced("body")
        }
        // Releases the state's reference, so that the append below works in place.
        state = .idle
        if !content.isOversized {
            if content.body.isEmpty { content.body = piece } else { content.body += piece }
        }
        let left = remaining - UInt64(piece.count)
        guard left > 0 else { return content }
        state = .collecting(content, remaining: left)
        return nil
    }

    private static func misplaced(_ kind: String) -> AMQPError {
        AMQPError(.protocolViolation, "a \(kind) frame arrived out of turn")
    }
}
