package import Chronology
package import EventLoop
internal import HTTPServer
package import Observability
internal import Synchronization
internal import Tokens

/// The open streams of all clients, and who gets which event.
package final class EventStreams: Sendable {
    /// Bounds of the streams.
    package struct Configuration: Sendable {
        /// The most streams at once.
        package var maximumStreams = 5000
        /// The most streams of a user at once.
        package var maximumStreamsPerUser = 8
        /// Silence after which a comment is sent, so that nobody between takes the connection for dead.
        package var heartbeat = Duration.seconds(15)

        package init() {}
    }

    /// The header fields of a stream; the last asks a proxy of nginx's kind to hand it on as it comes.
    static let fields: HTTPHeaders = [
        "Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no",
    ]

    private let configuration: Configuration
    private let loop: EventLoop
    private let clock: any WallClock
    private let streams = Mutex<[String: [EventStream]]>([:])
    private let total = Atomic<Int>(0)
    private let sent: Counter
    private let overflows: Counter

    package init(
        configuration: Configuration = Configuration(), loop: EventLoop, metrics: Metrics,
        clock: any WallClock = SystemClock()
    ) {
        self.configuration = configuration
        self.loop = loop
        self.clock = clock
        sent = metrics.counter("florin_stream_events_total", help: "Events sent to streams of clients.")
        overflows = metrics.counter(
            "florin_stream_overflows_total", help: "Streams cut off because they were read too slowly.")
        metrics.gauge("florin_streams", help: "Open streams of clients.") { [weak self] in self.map { Double($0.count) }
        }
    }

    /// Streams open now.
    package var count: Int { total.load(ordering: .relaxed) }

    /// Sends a comment to idle streams and ends those whose token has expired, until the task is cancelled.
    package func run() async {
        let step = min(configuration.heartbeat / 4, .seconds(1))
        while !Task.isCancelled {
            do { try await loop.sleep(for: step) } catch { return }
            let now = loop.now
            let time = clock.now()
            for stream in streams.withLock({ $0.values.flatMap(\.self) }) {
                stream.offerHeartbeat(ServerSentEvent.heartbeat, now: now, interval: configuration.heartbeat)
                if stream.expiry <= time { stream.finish(.complete) }
            }
        }
    }

    /// The answer that carries the events of a user from now on.
    ///
    /// - Throws: 429 when the user has as many streams as may be, 503 when all have.
    /// - Parameters:
    ///   - lastEvent: the last event that the client has (`Last-Event-ID`); nil for a stream from now on.
    ///   - history: what tells the events since.
    ///   - names: the request that is answered.
    func open(
        for identity: Identity, after lastEvent: String? = nil, from history: StreamHistory, as names: RequestNames
    ) async throws(Refusal) -> HTTPResponse {
        let stream = EventStream(
            user: identity.userID.description, session: identity.sessionID, expiry: identity.expiresAt, now: loop.now,
            isHeld: lastEvent != nil)
        try add(stream)
        // The place is freed with the closure: when the stream has ended, or was never begun.
        let place = Place(stream: stream, streams: self)
        var resumed: ResumedStream?
        if let lastEvent {
            resumed = ResumedStream(
                stream: stream, history: history, identity: identity, names: names, loop: loop,
                first: try await history.page(for: identity, afterEvent: lastEvent))
        }
        return HTTPResponse(
            headers: Self.fields,
            body: .stream { [resumed] writer in
                try await writer.write(ServerSentEvent.opening)
                guard let resumed else { return try await Self.send(place, to: writer) }
                let end = try await resumed.names.bound { try await resumed.replay(to: writer) }
                // Cancelled and awaited at the end of the stream.
                async let _ = resumed.names.bound { await resumed.settle(from: end) }
                try await Self.send(place, to: writer)
            })
    }

    private static func send(_ place: Place, to writer: HTTPBodyWriter) async throws {
        while true {
            switch await place.stream.next() {
            case .success(let bytes): try await writer.write(bytes)
            case .failure(let ended):
                switch ended.end {
                case .complete: return
                // Where the client reads on in time it learns why, and its connection ends in order.
                case .overflow: return try await writer.write(ServerSentEvent.overflow)
                case .cancelled: throw ended
                }
            }
        }
    }

    /// Sends an event to the streams of a user.
    func publish(_ id: String, _ bytes: [UInt8], to user: String) {
        let now = loop.now
        for stream in streams.withLock({ $0[user] }) ?? [] {
            switch stream.offer(id: id, bytes, now: now) {
            case .queued: sent.increment()
            case .ended: break
            case .overflowed:
                overflows.increment()
                // Its connection may be stuck for as long as the server waits for a client; its place is free at once.
                remove(stream)
            }
        }
    }

    /// Whether a user listens.
    func hasStreams(of user: String) -> Bool { streams.withLock { $0[user] != nil } }

    /// Ends the streams of a session.
    func end(session: UUIDv7, of user: String) {
        for stream in streams.withLock({ $0[user] }) ?? [] where stream.session == session { stream.finish(.complete) }
    }

    /// Ends all streams of a user.
    func end(allOf user: String) {
        for stream in streams.withLock({ $0[user] }) ?? [] { stream.finish(.complete) }
    }

    /// Ends the streams of sessions that match.
    func end(where matches: (UUIDv7) -> Bool) {
        for stream in streams.withLock({ $0.values.flatMap(\.self) }) where matches(stream.session) {
            stream.finish(.complete)
        }
    }

    private func add(_ stream: EventStream) throws(Refusal) {
        let refusal: Refusal? = streams.withLock { streams in
            if total.load(ordering: .relaxed) >= configuration.maximumStreams {
                return Refusal(.overloaded, "There are too many streams.", retryAfter: 5)
            }
            if streams[stream.user]?.count ?? 0 >= configuration.maximumStreamsPerUser {
                return Refusal(
                    .tooManyStreams, "A user may have \(configuration.maximumStreamsPerUser).", retryAfter: 5)
            }
            streams[stream.user, default: []].append(stream)
            total.add(1, ordering: .relaxed)
            return nil
        }
        if let refusal { throw refusal }
    }

    private func remove(_ stream: EventStream) {
        streams.withLock { streams in
            guard var rest = streams[stream.user], let index = rest.firstIndex(where: { $0 === stream }) else { return }
            rest.remove(at: index)
            streams[stream.user] = rest.isEmpty ? nil : rest
            total.subtract(1, ordering: .relaxed)
        }
    }

    /// Holds a stream's place among the others for as long as it lives.
    private final class Place: Sendable {
        let stream: EventStream
        private let streams: EventStreams

        init(stream: EventStream, streams: EventStreams) {
            self.stream = stream
            self.streams = streams
        }

        deinit { streams.remove(stream) }
    }
}
