import Synchronization

/// A clock that a test moves.
final class MovedClock: Sendable {
    private let state = Mutex(Duration.seconds(1_000_000))

    var now: Duration { state.withLock { $0 } }
    func advance(_ step: Duration) { state.withLock { $0 += step } }
}
