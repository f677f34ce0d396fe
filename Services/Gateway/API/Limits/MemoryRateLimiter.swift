internal import Synchronization

/// Counts requests in the memory of this process.
///
/// Holds at most `maximumSubjects`; beyond that, new ones share one count, so that a flood of addresses costs neither memory
/// nor those who are known.
package final class MemoryRateLimiter: RateLimiter {
    private struct Key: Hashable {
        /// Nil for all those for whom there is no room.
        let subject: RateLimitSubject?
        let policy: RateLimitPolicy
    }

    private struct State {
        var windows: [Key: SlidingWindow] = [:]
        var nextSweep: Int64 = 0
    }

    private let now: @Sendable () -> Duration
    private let maximumSubjects: Int
    private let state = Mutex(State())
    /// Ticks between looks for callers that have gone.
    private static let sweepInterval: Int64 = 40

    /// - Parameter now: a clock that never goes back.
    package init(maximumSubjects: Int = 50_000, now: @escaping @Sendable () -> Duration) {
        self.maximumSubjects = maximumSubjects
        self.now = now
    }

    package func admit(_ subject: RateLimitSubject, _ policy: RateLimitPolicy) async -> RateLimitDecision {
        decide(subject, policy)
    }

    /// As `admit`, at once.
    package func decide(_ subject: RateLimitSubject, _ policy: RateLimitPolicy) -> RateLimitDecision {
        let tick = Self.ticks(now())
        let windowTicks = Self.ticks(policy.window)
        return state.withLock { state in
            if tick >= state.nextSweep { Self.sweep(&state, at: tick) }
            var key = Key(subject: subject, policy: policy)
            if state.windows.count >= maximumSubjects, state.windows[key] == nil {
                key = Key(subject: nil, policy: policy)
            }
            let (isAdmitted, used, wait) = Self.count(
                &state.windows[key, default: SlidingWindow()], tick, windowTicks, policy)
            let relief = (wait * SlidingWindow.tick + 999_999_999) / 1_000_000_000
            let reset = min(max(1, relief), policy.window.components.seconds)
            return RateLimitDecision(
                policy: policy, isAdmitted: isAdmitted, remaining: policy.quota - used, reset: Int(reset))
        }
    }

    /// The callers that are counted now.
    package var subjects: Int { state.withLock { $0.windows.count } }

    private static func count(
        _ window: inout SlidingWindow, _ tick: Int64, _ windowTicks: Int64, _ policy: RateLimitPolicy
    ) -> (isAdmitted: Bool, used: Int, relief: Int64) {
        let isAdmitted = window.admit(at: tick, quota: policy.quota, windowTicks: windowTicks)
        return (isAdmitted, window.used, window.ticksUntilRelief(at: tick, windowTicks: windowTicks))
    }

    private static func sweep(_ state: inout State, at tick: Int64) {
        state.nextSweep = tick + sweepInterval
        state.windows = state.windows.filter { $0.value.lastTick >= tick - ticks($0.key.policy.window) }
    }

    private static func ticks(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return (seconds * 1_000_000_000 + attoseconds / 1_000_000_000) / SlidingWindow.tick
    }
}
