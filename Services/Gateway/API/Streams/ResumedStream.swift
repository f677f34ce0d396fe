internal import EventLoop
internal import HTTPServer
internal import Tokens

/// A live stream that goes on after an event that the client has: first what it missed, then what happens.
///
/// The history and this gateway's own queue are not in step. What happens is held until the first of it is in the history too: with
/// that everything before it has been sent, in order, and a client that is cut off again has missed nothing before its last event.
struct ResumedStream: Sendable {
    /// How often it is looked whether something has happened, and how long the history is given for it.
    private static let interval = Duration.milliseconds(50)

    /// Where the stream stands when all pages were sent.
    private enum Standing {
        /// The history has what has happened since.
        case caughtUp
        /// Something has happened that the history does not have yet.
        case behind
        /// Nothing has happened for so long that nothing older can be missing.
        case quiet
        /// The history does not get what has happened.
        case late
    }

    let stream: EventStream
    let history: StreamHistory
    let identity: Identity
    /// The request that is answered, which the calls to the history are made for.
    let names: RequestNames
    let loop: EventLoop
    /// The first of what was missed.
    let first: StreamHistory.Page

    /// Sends what was missed; afterwards the stream is a live one. From where the history has to be looked at once more; nil
    /// where that is not needed.
    func replay(to writer: HTTPBodyWriter) async throws -> Int64? {
        guard var end = first.end else {
            try await writer.write(ServerSentEvent.gap)
            stream.release(after: [], now: loop.now)
            return nil
        }
        let deadline = loop.now + history.settlingTime
        var (page, sent, standing) = (first, Set<String>(), Standing.behind)
        while true {
            if !page.frames.isEmpty { try await writer.write(page.frames.flatMap(\.bytes)) }
            sent.formUnion(page.frames.map(\.id))
            if !page.hasMore {
                guard standing == .behind else { break }
                standing = try await self.standing(after: sent, until: deadline)
                if standing == .caughtUp { break }
            }
            page = try await history.page(for: identity, afterPosition: end)
            end = page.end ?? end
        }
        stream.release(after: sent, now: loop.now)
        return standing == .late ? end : nil
    }

    private func standing(after sent: Set<String>, until deadline: Duration) async throws -> Standing {
        while true {
            try await loop.sleep(for: Self.interval)
            if let held = stream.firstHeld, sent.contains(held) { return .caughtUp }
            guard loop.now < deadline else { return stream.firstHeld == nil ? .quiet : .late }
            if stream.firstHeld != nil { return .behind }
        }
    }

    /// Waits until no event can come a second time. Where the history was late it is looked at once more: what it has now and was not
    /// sent is offered; the stream ends where that cannot be found out, and the client comes back.
    func settle(from position: Int64?) async {
        do {
            try await loop.sleep(for: history.settlingTime)
            if let position {
                let page = try await history.page(for: identity, afterPosition: position)
                for (id, bytes) in page.frames { stream.offer(id: id, bytes, now: loop.now) }
            }
            stream.settle()
        } catch {
            stream.finish(.complete)
        }
    }
}
