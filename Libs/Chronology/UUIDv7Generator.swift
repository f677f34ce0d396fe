internal import Glibc
internal import Synchronization

/// Makes identifiers that only ever grow (RFC 9562, section 6.2, method 1): within a millisecond the 12 bits of
/// `rand_a` count, from a random start in their lower half; a clock that stands still or goes back is outrun by the
/// counter.
package final class UUIDv7Generator: Sendable {
    /// The generator behind `UUIDv7.make()`.
    package static let shared = UUIDv7Generator(clock: SystemClock())

    private struct State {
        var milliseconds: UInt64 = 0
        var counter: UInt16 = 0
        var random = RandomPool()
    }

    private let clock: any WallClock
    private let state = Mutex(State())

    /// A generator of its own, ordered against no other.
    package init(clock: any WallClock) {
        self.clock = clock
    }

    /// A new identifier, greater than every other of this generator; safe from any thread.
    package func make() -> UUIDv7 {
        let present = UInt64(max(0, clock.now().millisecondsSinceEpoch))
        return state.withLock { state in
            let random = state.random.next()
            if present > state.milliseconds {
                state.milliseconds = present
                state.counter = UInt16(truncatingIfNeeded: state.random.next()) & 0x07FF
            } else if state.counter < 0x0FFF {
                state.counter += 1
            } else {
                state.milliseconds += 1
                state.counter = UInt16(truncatingIfNeeded: state.random.next()) & 0x07FF
            }
            return UUIDv7(
                at: Timestamp(millisecondsSinceEpoch: Int64(state.milliseconds)), randomA: state.counter,
                randomB: random)
        }
    }
}

/// The kernel's random numbers, asked for 256 bytes at a time: a system call each would be most of the cost of an
/// identifier.
private struct RandomPool {
    private var words: [UInt64] = Array(repeating: 0, count: 32)
    private var used = 32

    mutating func next() -> UInt64 {
        if used == words.count { refill() }
        let word = words[used]
        words[used] = 0
        used += 1
        return word
    }

    private mutating func refill() {
        // getentropy(3) gives up to 256 bytes whole or fails; the standard generator knows the ways round a kernel
        // without it.
        let status = unsafe words.withUnsafeMutableBytes { unsafe getentropy($0.baseAddress, $0.count) }
        if status != 0 {
            var generator = SystemRandomNumberGenerator()
            for index in words.indices { words[index] = generator.next() }
        }
        used = 0
    }
}
