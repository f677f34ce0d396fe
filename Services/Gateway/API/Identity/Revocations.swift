package import Chronology
internal import Synchronization

/// Sessions that ended before their access tokens do. An entry goes when no token of its session can be valid any more.
package final class Revocations: Sendable {
    private struct State {
        var ends: [UUIDv7: Duration] = [:]
        var order: [(session: UUIDv7, end: Duration)] = []
        var first = 0
    }

    private let lifetime: Duration
    private let maximumEntries: Int
    private let now: @Sendable () -> Duration
    private let state = Mutex(State())

    /// - Parameters:
    ///   - lifetime: at least that of an access token, with what clocks may differ by.
    ///   - maximumEntries: beyond it the oldest entries are forgotten.
    ///   - now: a clock that never goes back.
    package init(
        lifetime: Duration = .seconds(3600), maximumEntries: Int = 200_000, now: @escaping @Sendable () -> Duration
    ) {
        self.lifetime = lifetime
        self.maximumEntries = maximumEntries
        self.now = now
    }

    /// Notes that a session has ended.
    package func revoke(_ session: UUIDv7) {
        let now = now()
        state.withLock { state in
            Self.forget(&state, until: now, keeping: maximumEntries - 1)
            let end = now + lifetime
            state.ends[session] = end
            state.order.append((session, end))
        }
    }

    /// Whether the session has ended.
    package func contains(_ session: UUIDv7) -> Bool { state.withLock { $0.ends[session] != nil } }

    /// The sessions that are known to have ended.
    package var count: Int { state.withLock { $0.ends.count } }

    private static func forget(_ state: inout State, until now: Duration, keeping limit: Int) {
        while state.first < state.order.count {
            let oldest = state.order[state.first]
            guard oldest.end <= now || state.order.count - state.first > limit else { break }
            if state.ends[oldest.session] == oldest.end { state.ends[oldest.session] = nil }
            state.first += 1
        }
        if state.first > 1024, state.first * 2 > state.order.count {
            state.order.removeFirst(state.first)
            state.first = 0
        }
    }
}
