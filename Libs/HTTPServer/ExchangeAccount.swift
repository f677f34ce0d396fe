/// Keeps what `HTTPResponse.whenDone` is told of a request, and tells it once.
struct ExchangeAccount {
    /// The version of the request, once it is known.
    var version: HTTPVersion?
    /// Bytes of the request's content so far.
    var receivedBytes = 0
    /// Bytes of the response's content so far.
    var sentBytes = 0
    /// Who is told at the end of a stream.
    var whenDone: (@Sendable (HTTPOutcome) -> Void)?
    private var began: Duration?
    private var isClosed = false

    /// The request's first byte is there.
    mutating func begin(at now: Duration) {
        if began == nil { began = now }
    }

    /// Tells the outcome of the exchange, unless it has one.
    mutating func close(_ whenDone: (@Sendable (HTTPOutcome) -> Void)?, at now: Duration, isComplete: Bool) {
        guard !isClosed else { return }
        isClosed = true
        whenDone?(
            HTTPOutcome(
                version: version, receivedBytes: receivedBytes, sentBytes: sentBytes, duration: now - (began ?? now),
                isComplete: isComplete))
    }

    /// The same for a stream.
    mutating func closeStream(at now: Duration, isComplete: Bool) {
        close(whenDone, at: now, isComplete: isComplete)
        whenDone = nil
    }
}
