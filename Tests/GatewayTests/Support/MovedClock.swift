import Synchronization

/// A clock that a test moves.
final class MovedClock: Sendable {
    private let state = Mutex(Duration.seconds(1_000_000))

    var now: Duration { state.withLock { $0 } }
    func advance(_ step: Duration) { state.withLock { $0 += step } }
}

/// Numbers that a seed repeats.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
