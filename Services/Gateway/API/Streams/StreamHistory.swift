internal import Chronology
package import Contracts
package import EventLoop
internal import GRPC
internal import HTTPServer
internal import Resilience
internal import ServiceRuntime
internal import Tokens

/// The events that a client has missed, as the event processor keeps them for a while: the same for every gateway, also after
/// it was started anew.
package struct StreamHistory: Sendable {
    /// Some of the missed events, oldest first.
    struct Page: Sendable {
        var frames: [(id: String, bytes: [UInt8])] = []
        /// Where the next page begins; nil where the history does not know the event that the client has.
        var end: Int64?
        var hasMore = false
    }

    private static let interval = Duration.milliseconds(200)

    private let client: StreamServiceClient
    private let dependencies: Dependencies
    private let loop: EventLoop
    private let timeout: Duration
    private let lag: Duration
    let settlingTime: Duration

    /// - Parameters:
    ///   - timeout: how long a stream waits for a page.
    ///   - lag: for so long after it was made an event may be on a live stream and not in the history yet.
    ///   - settlingTime: for how long after a stream was opened something may be missing that happened before.
    package init(
        client: StreamServiceClient, dependencies: Dependencies, loop: EventLoop, timeout: Duration = .seconds(5),
        lag: Duration = .seconds(5), settlingTime: Duration = .seconds(2)
    ) {
        self.client = client
        self.dependencies = dependencies
        self.loop = loop
        self.timeout = timeout
        self.lag = lag
        self.settlingTime = settlingTime
    }

    /// The last event that a client has (`Last-Event-ID`); nil for a stream from now on.
    ///
    /// - Throws: 400 for what is not one UUID: it was never the id of an event.
    static func lastEvent(_ headers: HTTPHeaders) throws(Refusal) -> String? {
        let values = headers.values("Last-Event-ID")
        guard let value = values.first else { return nil }
        guard values.count == 1, isUUID(value) else {
            throw Refusal(.invalidLastEventID, "It must be one UUID, the id of an event of the stream.")
        }
        return value
    }

    private static func isUUID(_ text: String) -> Bool {
        let groups = text.split(separator: "-", omittingEmptySubsequences: false)
        return groups.map(\.utf8.count) == [8, 4, 4, 4, 12]
            && groups.joined().utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
                default: false
                }
            }
    }

    /// The first of the events after the one that the client has. One that has just happened is waited for where the history
    /// does not know it yet.
    func page(for identity: Identity, afterEvent id: String) async throws(Refusal) -> Page {
        let end = loop.now + patience(for: id)
        while true {
            let page = try await page(StreamEventQuery(afterEvent: id), identity)
            guard page.end == nil, loop.now < end else { return page }
            // Cancelled, there is nobody to wait for.
            do { try await loop.sleep(for: Self.interval) } catch { return page }
        }
    }

    /// How long an event may still be on its way to the history.
    private func patience(for id: String) -> Duration {
        do {
            return min(lag, try UUIDv7(parsing: id).timestamp + lag - SystemClock().now())
        } catch {
            // No event of ours has such an id.
            return .zero
        }
    }

    /// The events from where a page ended.
    func page(for identity: Identity, afterPosition position: Int64) async throws(Refusal) -> Page {
        try await page(StreamEventQuery(afterPosition: position), identity)
    }

    /// Each page is a call of its own: between two of them, and while it is live, a stream takes no place before the service.
    private func page(_ query: StreamEventQuery, _ identity: Identity) async throws(Refusal) -> Page {
        let caller = Caller(
            userID: identity.userID, sessionID: identity.sessionID, roles: identity.roles, scopes: identity.scopes)
        do {
            let page = try await dependencies["events"].call(
                within: timeout, repeating: .always, classify: CallFailure.init(of:)
            ) { [client] timeLeft in
                try await client.listStreamEvents(query, metadata: caller.metadata, timeout: timeLeft).message
            }
            guard page.isKnown else { return Page() }
            return Page(
                frames: page.events.map {
                    ($0.id, ServerSentEvent.frame(id: $0.id, type: $0.type, data: Array($0.event.utf8)))
                }, end: page.position, hasMore: page.hasMore)
        } catch {
            throw Refusal(error, asking: "events")
        }
    }
}
