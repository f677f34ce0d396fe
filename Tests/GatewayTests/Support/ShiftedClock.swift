import EventLoop
import Resilience
import Synchronization

/// The time of a loop and as much more as a test says.
final class ShiftedClock: Sendable {
    private let offset = Mutex(Duration.zero)

    func advance(by duration: Duration) { offset.withLock { $0 += duration } }

    func clock(_ loop: EventLoop) -> ResilienceClock {
        let real = ResilienceClock(loop)
        return ResilienceClock(
            now: { [self] in real.now() + offset.withLock { $0 } }, sleep: real.sleep, schedule: real.schedule)
    }
}
