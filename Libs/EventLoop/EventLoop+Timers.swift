internal import Synchronization

extension EventLoop {
    /// Runs `body` on the loop once `delay` has passed, never earlier. From any thread.
    @discardableResult
    package func schedule(after delay: Duration, _ body: @escaping @Sendable () -> Void) -> LoopTimer {
        schedule(after: delay, body, abandoned: nil)
    }

    /// A timer that is not scheduled yet and may be scheduled any number of times; `body` is kept until `cancel()`.
    package func makeTimer(_ body: @escaping @Sendable () -> Void) -> LoopTimer {
        LoopTimer(loop: self, isReusable: true, body: body)
    }

    /// Suspends for `duration`, or until the task is cancelled or the loop shut down. From any thread.
    package func sleep(for duration: Duration) async throws(CancellationError) {
        let sleeper = Sleeper()
        let elapsed = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard sleeper.begin(continuation) else { return continuation.resume(returning: false) }
                let timer = schedule(
                    after: duration, { sleeper.end(elapsed: true) }, abandoned: { sleeper.end(elapsed: false) })
                sleeper.setTimer(timer)
            }
        } onCancel: {
            sleeper.end(elapsed: false)
        }
        if !elapsed { throw CancellationError() }
    }

    private func schedule(
        after delay: Duration, _ body: @escaping @Sendable () -> Void, abandoned: (@Sendable () -> Void)?
    ) -> LoopTimer {
        let timer = LoopTimer(loop: self, isReusable: false, body: body, abandoned: abandoned)
        let deadline = Self.monotonicNanoseconds + delay.clampedNanoseconds
        if isCurrent {
            timer.arm(at: deadline)
        } else {
            execute { timer.arm(at: deadline) }
        }
        return timer
    }

    func nextTimerSequence() -> UInt64 {
        timerSequence += 1
        return timerSequence
    }

    /// Makes the one libuv timer ring for the earliest deadline. A ring that has become too early is harmless.
    func armClock() {
        guard let first = timers.first, first.deadline < clockDeadline else { return }
        clockDeadline = first.deadline
        let now = Self.monotonicNanoseconds
        let wait = first.deadline > now ? first.deadline - now : 0
        // A timer of libuv that is set to nothing while timers fire does so in the same turn, and nothing else has one.
        core.setClock(milliseconds: max((wait + 999_999) / 1_000_000, isClockTicking ? 1 : 0))
    }

    func clockTicked() {
        clockDeadline = .max
        isClockTicking = true
        defer { isClockTicking = false }
        // Read once: a body that schedules with no delay must not keep the loop in here.
        let now = Self.monotonicNanoseconds
        while let timer = timers.first, timer.deadline <= now {
            timers.remove(timer)
            timer.fire()
        }
        armClock()
    }

    func abandonTimers() {
        while let timer = timers.first {
            timers.remove(timer)
            timer.abandon()
        }
    }
}

/// The meeting point of a sleeping task, its timer and its cancellation, which may come from three threads.
private final class Sleeper: Sendable {
    private struct State {
        var continuation: CheckedContinuation<Bool, Never>?
        var timer: LoopTimer?
        var isOver = false
    }

    private let state = Lock(State())

    /// False when the cancellation came first.
    func begin(_ continuation: CheckedContinuation<Bool, Never>) -> Bool {
        state.withLock { state in
            guard !state.isOver else { return false }
            state.continuation = continuation
            return true
        }
    }

    func setTimer(_ timer: LoopTimer) {
        let isLate = state.withLock { state in
            if !state.isOver { state.timer = timer }
            return state.isOver
        }
        if isLate { timer.cancel() }
    }

    func end(elapsed: Bool) {
        let (continuation, timer) = state.withLock { state in
            state.isOver = true
            defer {
                state.continuation = nil
                state.timer = nil
            }
            return (state.continuation, state.timer)
        }
        timer?.cancel()
        continuation?.resume(returning: elapsed)
    }
}
