package import EventLoop

/// The time as the calls of this library see it.
package struct ResilienceClock: Sendable {
    /// A time that never goes back.
    package let now: @Sendable () -> Duration
    /// Suspends for a while, or until the task is cancelled.
    package let sleep: @Sendable (Duration) async throws(CancellationError) -> Void
    /// Runs something later; what comes back stops it.
    package let schedule: @Sendable (Duration, @escaping @Sendable () -> Void) -> @Sendable () -> Void

    package init(
        now: @escaping @Sendable () -> Duration,
        sleep: @escaping @Sendable (Duration) async throws(CancellationError) -> Void,
        schedule: @escaping @Sendable (Duration, @escaping @Sendable () -> Void) -> @Sendable () -> Void
    ) {
        self.now = now
        self.sleep = sleep
        self.schedule = schedule
    }

    /// The clock and the timers of a loop.
    package init(_ loop: EventLoop) {
        self.init(
            now: { loop.now },
            sleep: { (duration) async throws(CancellationError) in try await loop.sleep(for: duration) },
            schedule: { delay, body in
                let timer = loop.schedule(after: delay, body)
                return { timer.cancel() }
            })
    }
}
