internal import Chronology
internal import Synchronization

/// What one client is yet to be sent of its events. Bounded: a reader that falls behind is cut off and may come back.
final class EventStream: Sendable {
    /// Why a stream ended.
    enum End: Sendable {
        /// The server is done with it: the session or its token ended.
        case complete
        /// The reader was too slow.
        case overflow
        /// The client went away, or the server stops.
        case cancelled
    }

    private struct State {
        var waiting: [UInt8] = []
        var reader: CheckedContinuation<Void, Never>?
        var end: End?
        var lastOffer: Duration
        /// Events that are held while older ones are sent; nil when nothing is.
        var held: [(id: String, bytes: [UInt8])]?
        /// The ids of what was sent since the stream was resumed, while an event may still come a second time.
        var sent: Set<String>?
    }

    /// The most bytes that wait for a slow reader.
    static let capacity = 256 << 10

    let user: String
    let session: UUIDv7
    /// When the access token ends, and the stream with it.
    let expiry: Timestamp
    private let state: Mutex<State>

    /// - Parameter isHeld: whether events are held until `release`.
    init(user: String, session: UUIDv7, expiry: Timestamp, now: Duration, isHeld: Bool = false) {
        self.user = user
        self.session = session
        self.expiry = expiry
        state = Mutex(State(lastOffer: now, held: isHeld ? [] : nil))
    }

    /// What became of bytes that were offered.
    enum Acceptance: Sendable {
        case queued
        /// They were too many, and ended the stream.
        case overflowed
        /// The stream had ended before.
        case ended
    }

    /// Queues bytes for the client.
    @discardableResult
    func offer(_ bytes: [UInt8], now: Duration) -> Acceptance {
        let (reader, acceptance) = state.withLock { state -> (CheckedContinuation<Void, Never>?, Acceptance) in
            guard state.end == nil else { return (nil, .ended) }
            state.lastOffer = now
            if state.waiting.count + bytes.count > Self.capacity {
                state.waiting = []
                state.end = .overflow
            } else if state.waiting.isEmpty {
                state.waiting = bytes
            } else {
                state.waiting += bytes
            }
            defer { state.reader = nil }
            return (state.reader, state.end == nil ? .queued : .overflowed)
        }
        reader?.resume()
        return acceptance
    }

    /// Queues an event, unless it was sent before or has to wait for older ones.
    @discardableResult
    func offer(id: String, _ bytes: [UInt8], now: Duration) -> Acceptance {
        let decided: Acceptance? = state.withLock { state in
            if state.held != nil {
                let size = state.held?.reduce(bytes.count) { $0 + $1.bytes.count } ?? 0
                guard size <= Self.capacity else {
                    state.held = []
                    state.end = .overflow
                    return .overflowed
                }
                state.held?.append((id, bytes))
                return .queued
            }
            if state.sent?.insert(id).inserted == false { return .queued }
            return nil
        }
        return decided ?? offer(bytes, now: now)
    }

    /// The first of the events that are held.
    var firstHeld: String? { state.withLock { $0.held?.first?.id } }

    /// Lets go of the events that were held, but for those that were sent.
    func release(after sent: Set<String>, now: Duration) {
        let held = state.withLock { state in
            defer {
                state.held = nil
                state.sent = sent
            }
            return state.held ?? []
        }
        for (id, bytes) in held { offer(id: id, bytes, now: now) }
    }

    /// From now on no event comes a second time.
    func settle() { state.withLock { $0.sent = nil } }

    /// Queues bytes unless something was queued within the interval.
    func offerHeartbeat(_ bytes: [UInt8], now: Duration, interval: Duration) {
        if state.withLock({ now - $0.lastOffer >= interval }) { offer(bytes, now: now) }
    }

    /// Ends the stream; what waits is still sent where it ends in order.
    func finish(_ end: End) {
        let reader = state.withLock { state in
            if state.end == nil { state.end = end }
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume()
    }

    /// Waits until there is something to send; the end when nothing follows. For one reader.
    func next() async -> Result<[UInt8], Ended> {
        await withTaskCancellationHandler {
            while true {
                if let outcome = take() { return outcome }
                await withCheckedContinuation { continuation in
                    let isIdle = state.withLock { state in
                        guard state.waiting.isEmpty, state.end == nil else { return false }
                        state.reader = continuation
                        return true
                    }
                    if !isIdle { continuation.resume() }
                }
            }
        } onCancel: {
            finish(.cancelled)
        }
    }

    private func take() -> Result<[UInt8], Ended>? {
        state.withLock { state in
            if let end = state.end, end != .complete || state.waiting.isEmpty { return .failure(Ended(end: end)) }
            guard !state.waiting.isEmpty else { return nil }
            defer { state.waiting = [] }
            return .success(state.waiting)
        }
    }

    /// The stream is over.
    struct Ended: Error {
        let end: End
    }
}
