internal import EventLoop
internal import HTTPServer
internal import Tokens

/// A live stream that goes on after an event that the client has: first what it missed, then what happens.
///
/// What happens while the missed events are sent is held, and left out where it was among them. An event that the history
/// got a little later than this gateway's own queue is fetched by one more look.
struct ResumedStream: Sendable {
    /// When the history is looked at once more.
    private static let settlingTime = Duration.seconds(2)

    let stream: EventStream
    let history: StreamHistory
    let identity: Identity
    let loop: EventLoop
    /// The first of what was missed.
    let first: StreamHistory.Page

    /// Sends what was missed; afterwards the stream is a live one. Where the history ended; nil where it does not know the
    /// event that the client has.
    func replay(to writer: HTTPBodyWriter) async throws -> Int64? {
        var page = first
        guard var end = page.end else {
            try await writer.write(ServerSentEvent.gap)
            stream.release(after: [], now: loop.now)
            return nil
        }
        var sent: Set<String> = []
        while true {
            if !page.frames.isEmpty { try await writer.write(page.frames.flatMap(\.bytes)) }
            sent.formUnion(page.frames.map(\.id))
            guard page.hasMore else { break }
            page = try await history.page(for: identity, afterPosition: end)
            end = page.end ?? end
        }
        stream.release(after: sent, now: loop.now)
        return end
    }

    /// Looks once more after a while. What it finds that was not sent is offered; the stream ends where that cannot be found
    /// out, and the client comes back.
    func settle(from position: Int64?) async {
        guard let position else { return stream.settle() }
        do {
            try await loop.sleep(for: Self.settlingTime)
            let page = try await history.page(for: identity, afterPosition: position)
            for (id, bytes) in page.frames { stream.offer(id: id, bytes, now: loop.now) }
            stream.settle()
        } catch {
            stream.finish(.complete)
        }
    }
}
