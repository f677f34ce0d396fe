package import Contracts
internal import EventLoop
internal import GRPC
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

    private static let timeout = Duration.seconds(5)

    private let client: StreamServiceClient

    package init(client: StreamServiceClient) { self.client = client }

    /// The first of the events after the one that the client has.
    func page(for identity: Identity, afterEvent id: String) async throws(Refusal) -> Page {
        // What cannot be an event's id is not asked for.
        guard id.utf8.count == 36 else { return Page() }
        return try await page(StreamEventQuery(afterEvent: id), identity)
    }

    /// The events from where a page ended.
    func page(for identity: Identity, afterPosition position: Int64) async throws(Refusal) -> Page {
        try await page(StreamEventQuery(afterPosition: position), identity)
    }

    private func page(_ query: StreamEventQuery, _ identity: Identity) async throws(Refusal) -> Page {
        let caller = Caller(
            userID: identity.userID, sessionID: identity.sessionID, roles: identity.roles, scopes: identity.scopes)
        do throws(GRPCStatus) {
            let page = try await client.listStreamEvents(query, metadata: caller.metadata, timeout: Self.timeout)
                .message
            guard page.isKnown else { return Page() }
            return Page(
                frames: page.events.map {
                    ($0.id, ServerSentEvent.frame(id: $0.id, type: $0.type, data: Array($0.event.utf8)))
                }, end: page.position, hasMore: page.hasMore)
        } catch {
            throw Refusal(error, from: "events")
        }
    }
}
