internal import Synchronization

/// A timer of an `EventLoop`. It fires on the loop, never before its time.
// @unchecked Sendable: `isCancelled` is atomic, everything else that changes is touched on the loop's thread only.
package final class LoopTimer: @unchecked Sendable {
    private let loop: EventLoop
    private let isCancelled = Atomic<Bool>(false)
    private let isReusable: Bool
    private var body: (@Sendable () -> Void)?
    private var abandoned: (@Sendable () -> Void)?
    private var sequence: UInt64 = 0
    /// Monotonic nanoseconds.
    private(set) var deadline: UInt64 = 0
    /// Position in the heap, -1 while not scheduled.
    var heapIndex = -1

    init(
        loop: EventLoop, isReusable: Bool, body: @escaping @Sendable () -> Void,
        abandoned: (@Sendable () -> Void)? = nil
    ) {
        self.loop = loop
        self.isReusable = isReusable
        self.body = body
        self.abandoned = abandoned
    }

    /// Stops the timer for good, from any thread. Once this returns the body will not start any more; called from
    /// another thread it may be running at that moment.
    package func cancel() {
        guard !isCancelled.exchange(true, ordering: .acquiringAndReleasing) else { return }
        if loop.isCurrent {
            discard()
        } else {
            loop.execute { self.discard() }
        }
    }

    /// Sets or moves the deadline of a timer made by `EventLoop.makeTimer`. On the loop only; no effect after `cancel()`.
    package func schedule(after delay: Duration) {
        loop.preconditionCurrent()
        precondition(isReusable, "only a timer of makeTimer can be scheduled again")
        guard !isCancelled.load(ordering: .acquiring) else { return }
        arm(at: EventLoop.monotonicNanoseconds + delay.clampedNanoseconds)
    }

    /// Takes the deadline away; the timer may be scheduled again. On the loop only.
    package func stop() {
        loop.preconditionCurrent()
        if heapIndex >= 0 { loop.timers.remove(self) }
    }

    func arm(at deadline: UInt64) {
        guard !isCancelled.load(ordering: .acquiring), !loop.isClosing else {
            if loop.isClosing { abandon() }
            return
        }
        self.deadline = deadline
        sequence = loop.nextTimerSequence()
        if heapIndex >= 0 { loop.timers.update(self) } else { loop.timers.insert(self) }
        loop.armClock()
    }

    func fire() {
        guard !isCancelled.load(ordering: .acquiring), let body else { return }
        if !isReusable { releaseClosures() }
        body()
    }

    /// The loop is going away: whoever waits for the timer is told through its second closure.
    func abandon() {
        let abandoned = self.abandoned
        releaseClosures()
        abandoned?()
    }

    func isBefore(_ other: LoopTimer) -> Bool { (deadline, sequence) < (other.deadline, other.sequence) }

    private func discard() {
        if heapIndex >= 0 { loop.timers.remove(self) }
        releaseClosures()
    }

    private func releaseClosures() {
        body = nil
        abandoned = nil
    }
}

extension Duration {
    /// Whole nanoseconds, at least 0 and at most about 146 years.
    var clampedNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        guard seconds < 4_611_686_018 else { return 4_611_686_018_000_000_000 }
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }
}
