/// Bounds on what a client may send.
package struct HTTPLimits: Sendable {
    /// Bytes of the request line without its end.
    package var requestLine = 8 << 10
    /// Bytes of the header section, line ends counted.
    package var headers = 16 << 10
    /// Number of header fields.
    package var headerCount = 100

    /// The documented limits: 8 KiB, 16 KiB, 100.
    package init() {}
}

/// Takes HTTP/1.1 requests (RFC 9112) out of a stream of bytes, strictly: where the RFC leaves a server the choice between
/// repairing and refusing it refuses. A value without input or output; the same bytes give the same events however they
/// are cut into pieces, except that content may come in other pieces.
package struct HTTPRequestParser: Sendable {
    /// What was found.
    package enum Event: Sendable {
        /// The input is used up.
        case needsInput
        /// A request begins. `bodyLimit` may be set before going on.
        case head(HTTPRequestHead)
        /// Content, as a range of the input given.
        case body(Range<Int>)
        /// The request is complete. Going on begins the next one.
        case end
        /// The stream is not, or no longer, acceptable. Every further call answers the same.
        case refused(HTTPRefusal)
    }

    enum State: Sendable {
        case requestLine
        case fields
        case headDone
        case body(remaining: Int)
        case chunkSize
        case chunk(remaining: Int)
        case chunkEnd
        case trailers
        case refused(HTTPRefusal)
    }

    /// A chunk's size line, extensions included.
    static let chunkLineLimit = 256
    /// Framing bytes tolerated beyond what chunks of a sensible size need.
    static let framingAllowance = 16 << 10

    /// Bytes of content accepted for the present request; set again for each by the initial value.
    package var bodyLimit: Int
    private let initialBodyLimit: Int
    let limits: HTTPLimits
    var state = State.requestLine
    var pending: [UInt8] = []
    var head = HeadBuilder()
    var lineBytes = 0
    var bodyBytes = 0
    var excessFraming = 0
    var hasSkippedEmptyLine = false

    /// A parser at the beginning of a stream.
    package init(limits: HTTPLimits = HTTPLimits(), bodyLimit: Int = 1 << 20) {
        self.limits = limits
        self.bodyLimit = bodyLimit
        initialBodyLimit = bodyLimit
    }

    /// Whether no byte of the next request has been seen.
    package var isBetweenRequests: Bool {
        if case .requestLine = state { return pending.isEmpty && !hasSkippedEmptyLine }
        return false
    }

    /// The method of the present request, also of one that was refused; nil where it is not known.
    package var method: HTTPMethod? { head.method }

    /// Whether a head has been begun and is not complete.
    package var isInHead: Bool {
        switch state {
        case .requestLine: !isBetweenRequests
        case .fields: true
        default: false
        }
    }

    /// Reads on in `input` from `offset`, which is moved, up to the next event. Call again until `.needsInput`, which
    /// means that all of the input was taken; then with the next piece from 0.
    package mutating func next(in input: RawSpan, from offset: inout Int) -> Event {
        let bytes = Span<UInt8>(_bytes: input)
        while true {
            switch state {
            case .refused(let refusal): return .refused(refusal)
            case .headDone:
                if let event = beginBody() { return event }
            case .body(let remaining):
                guard remaining > 0 else { return finish() }
                guard let range = take(remaining, of: bytes, from: &offset) else { return .needsInput }
                state = .body(remaining: remaining - range.count)
                return .body(range)
            case .chunk(let remaining):
                guard let range = take(remaining, of: bytes, from: &offset) else { return .needsInput }
                state = remaining == range.count ? .chunkEnd : .chunk(remaining: remaining - range.count)
                return .body(range)
            case .requestLine, .fields, .chunkSize, .chunkEnd, .trailers:
                guard let event = nextLine(in: bytes, from: &offset) else { continue }
                return event
            }
        }
    }

    private func take(_ count: Int, of bytes: Span<UInt8>, from offset: inout Int) -> Range<Int>? {
        guard offset < bytes.count else { return nil }
        let range = offset..<min(offset + count, bytes.count)
        offset = range.upperBound
        return range
    }

    private mutating func beginBody() -> Event? {
        switch head.framing {
        case .none: return finish()
        case .length(let length):
            guard length <= bodyLimit else { return refuse(.bodyTooLarge) }
            state = .body(remaining: length)
        case .chunked: state = .chunkSize
        }
        return nil
    }

    /// The request is complete: everything about it is forgotten.
    mutating func finish() -> Event {
        state = .requestLine
        head = HeadBuilder()
        lineBytes = 0
        bodyBytes = 0
        excessFraming = 0
        hasSkippedEmptyLine = false
        bodyLimit = initialBodyLimit
        return .end
    }

    mutating func refuse(_ rule: HTTPRefusal.Rule) -> Event {
        let refusal = HTTPRefusal(rule)
        state = .refused(refusal)
        pending = []
        head = HeadBuilder(afterRefusalOf: head)
        return .refused(refusal)
    }
}
