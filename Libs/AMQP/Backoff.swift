/// Growing pauses between attempts with full jitter: each is drawn evenly from zero to a ceiling that doubles, so that
/// many clients of one broker do not come back in step.
struct Backoff: Sendable {
    let base: Duration
    let cap: Duration
    private var attempts = 0

    init(base: Duration, cap: Duration) {
        self.base = base
        self.cap = cap
    }

    /// The most the next pause can be.
    var ceiling: Duration { min(cap, base * (1 << min(attempts, 20))) }

    /// Draws the next pause.
    mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        let ceiling = ceiling
        attempts += 1
        let (seconds, attoseconds) = ceiling.components
        let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        return .microseconds(Int64.random(in: 0...max(0, microseconds), using: &generator))
    }

    /// Starts over after a success.
    mutating func reset() { attempts = 0 }
}
