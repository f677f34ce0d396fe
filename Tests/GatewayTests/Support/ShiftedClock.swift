import EventLoop
import Resilience
import Synchronization

/// A time that stands still until a test moves it; what waits does so by the loop.
final class ShiftedClock: Sendable {
    private let time = Mutex(Duration.seconds(1000))

    func advance(by duration: Duration) { time.withLock { $0 += duration } }

    func clock(_ loop: EventLoop) -> ResilienceClock {
        let real = ResilienceClock(loop)
        return ResilienceClock(
            now: { [self] in time.withLock { $0 } }, sleep: real.sleep, schedule: real.schedule)
    }
}
