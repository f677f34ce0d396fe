internal import Chronology
package import Contracts
package import EventLoop
package import Observability
internal import Synchronization
internal import Tokens

/// Asks the auth service every few seconds what was revoked, so that nothing is missed that was told by an event while the gateway had
/// no connection to the broker, or before it was started.
///
/// Events make the common case quick; this makes it certain.
package final class RevocationWatch: Sendable {
    /// How long an access token may be good for, with what clocks may differ by.
    private static let horizon = Duration.seconds(20 * 60)
    /// What is asked for again, so that what was committed late is not missed.
    private static let overlap = Duration.seconds(30)
    private static let timeout = Duration.seconds(5)
    /// More pages than a gateway could ever keep.
    private static let maximumPages = 40

    private let access: AccessServiceClient
    private let revocations: Revocations
    private let changes: AccessChanges
    private let streams: EventStreams
    private let interval: Duration
    private let loop: EventLoop
    private let logger: Logger
    private let isComplete = Atomic<Bool>(false)

    /// - Parameter interval: how long between questions.
    package init(
        access: AccessServiceClient, revocations: Revocations, changes: AccessChanges, streams: EventStreams,
        interval: Duration = .seconds(3), loop: EventLoop, logger: Logger
    ) {
        self.access = access
        self.revocations = revocations
        self.changes = changes
        self.streams = streams
        self.interval = interval
        self.loop = loop
        self.logger = logger.with([.component: "revocations"])
    }

    /// Whether what was revoked before the start is known.
    package var isReady: Bool { isComplete.load(ordering: .relaxed) }

    /// Asks until the task is cancelled.
    package func run() async {
        var since = SystemClock().now() - Self.horizon
        var isFailing = false
        while !Task.isCancelled {
            do {
                since = try await ask(since: since) - Self.overlap
                isComplete.store(true, ordering: .relaxed)
                isFailing = false
            } catch {
                if !isFailing, !Task.isCancelled { logger.warning("revocations not listed", [.error: .error(error)]) }
                isFailing = true
            }
            let wait = isReady ? interval : .milliseconds(250)
            do { try await loop.sleep(for: wait) } catch { return }
        }
    }

    /// Takes everything since then; the time of the answer.
    private func ask(since: Timestamp) async throws -> Timestamp {
        var cursor: String?
        var listed: Timestamp?
        for _ in 0..<Self.maximumPages {
            let page = try await access.listRevocations(
                ListRevocationsRequest(since: since.description, cursor: cursor), timeout: Self.timeout
            ).message
            listed = listed ?? Timestamp(rfc3339: page.listedAt)
            try take(page)
            cursor = page.nextCursor
            if cursor == nil { break }
        }
        return listed ?? since
    }

    private func take(_ page: RevocationList) throws {
        for text in page.sessionIDs {
            let session = try UUIDv7(parsing: text)
            if !revocations.contains(session) { revocations.revoke(session) }
        }
        for change in page.changes {
            guard let instant = Timestamp(rfc3339: change.changedAt) else { continue }
            changes.note(
                try UUIDv7(parsing: change.userID),
                .init(roles: change.status == "active" ? Set(change.roles) : nil, changedAt: instant))
        }
        let now = SystemClock().now()
        for text in page.removedUserIDs {
            changes.note(try UUIDv7(parsing: text), .init(roles: nil, changedAt: now))
            streams.end(allOf: text)
        }
        if !page.sessionIDs.isEmpty { streams.end(where: revocations.contains) }
    }
}
