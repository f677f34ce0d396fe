internal import Synchronization

/// Counts requests in the memory of this process.
///
/// Holds at most `maximumSubjects` for each policy; beyond that, new ones share one count, so that a flood of addresses costs
/// neither memory nor those who are known, and signed-in users nothing at all. A count is forgotten when nothing of it is in
/// the window any more, and never to make room: nobody gets rid of theirs by bringing others.
package final class MemoryRateLimiter: RateLimiter {
    /// The counts under one policy.
    private struct Table {
        /// Nil is who there is no room for.
        var windows: [RateLimitSubject?: SlidingWindow] = [:]
        var nextSweep: Int64 = .min
    }

    private let now: @Sendable () -> Duration
    private let maximumSubjects: Int
    private let tables = Mutex<[RateLimitPolicy: Table]>([:])
    /// Nanoseconds between looks for callers that have gone.
    private static let sweepInterval: Int64 = 10_000_000_000

    /// - Parameter now: a clock that never goes back; the system's, read for each request, unless a test has another. The
    ///   loop's own stands still for a turn, and a caller would see more than the quota where two windows meet.
    package init(maximumSubjects: Int = 50_000, now: @escaping @Sendable () -> Duration = MemoryRateLimiter.clock()) {
        self.maximumSubjects = maximumSubjects
        self.now = now
    }

    /// The time since the call, by the system's monotonic clock.
    package static func clock() -> @Sendable () -> Duration {
        let start = ContinuousClock.now
        return { start.duration(to: .now) }
    }

    package func admit(_ subject: RateLimitSubject, _ policy: RateLimitPolicy) async -> RateLimitDecision {
        decide(subject, policy)
    }

    /// As `admit`, at once.
    package func decide(_ subject: RateLimitSubject, _ policy: RateLimitPolicy) -> RateLimitDecision {
        let window = Self.nanoseconds(policy.window)
        return tables.withLock { tables in
            // Within the lock, so that no time is before one that was counted.
            let time = Self.nanoseconds(now())
            let (isAdmitted, used, relief) = count(
                subject, at: time, window, policy.quota, in: &tables[policy, default: Table()])
            return Self.decision(policy, isAdmitted, used, relief)
        }
    }

    package func standing(of subject: RateLimitSubject, under policy: RateLimitPolicy) -> RateLimitDecision {
        let window = Self.nanoseconds(policy.window)
        return tables.withLock { tables in
            let time = Self.nanoseconds(now())
            let key = tables[policy].flatMap { place(of: subject, in: $0) }
            let (used, relief) = tables[policy]?.windows[key]?.standing(at: time, window: window) ?? (0, 0)
            return Self.decision(policy, used < policy.quota, used, relief)
        }
    }

    /// The callers that are counted now, under all policies.
    package var subjects: Int { tables.withLock { $0.values.reduce(0) { $0 + $1.windows.count } } }

    private func count(
        _ subject: RateLimitSubject, at time: Int64, _ window: Int64, _ quota: Int, in table: inout Table
    ) -> (isAdmitted: Bool, used: Int, relief: Int64) {
        if time >= table.nextSweep {
            table.nextSweep = time + Self.sweepInterval
            table.windows = table.windows.filter { $0.value.last > time - window }
        }
        return Self.count(
            &table.windows[place(of: subject, in: table), default: SlidingWindow()], time, window, quota)
    }

    /// What a subject is counted under: its own name, or nil where there is no room for it.
    private func place(of subject: RateLimitSubject, in table: Table) -> RateLimitSubject? {
        table.windows.count < maximumSubjects || table.windows[subject] != nil ? subject : nil
    }

    private static func count(
        _ counted: inout SlidingWindow, _ time: Int64, _ window: Int64, _ quota: Int
    ) -> (isAdmitted: Bool, used: Int, relief: Int64) {
        let isAdmitted = counted.admit(at: time, quota: quota, window: window)
        return (isAdmitted, counted.used, counted.relief(at: time, window: window))
    }

    private static func decision(
        _ policy: RateLimitPolicy, _ isAdmitted: Bool, _ used: Int, _ relief: Int64
    ) -> RateLimitDecision {
        RateLimitDecision(
            policy: policy, isAdmitted: isAdmitted, remaining: policy.quota - used,
            reset: Int((relief + 999_999_999) / 1_000_000_000))
    }

    private static func nanoseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
