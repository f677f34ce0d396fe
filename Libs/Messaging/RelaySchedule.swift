/// What the relay does after each round of publishing, as a value on an injected clock.
///
/// An event that was not confirmed holds back the later ones of its partition key. One that no queue wants (unroutable)
/// waits with its key for a growing time while other keys go on; a failure of the broker makes everything wait. A key with
/// more rows than a round takes lets the others go first, then has its turn again.
struct RelaySchedule: Sendable {
    /// Limits and waits of a relay.
    struct Timing: Sendable, Hashable {
        var idle: ClosedRange<Duration> = .milliseconds(20) ... .milliseconds(250)
        var failure: ClosedRange<Duration> = .milliseconds(50) ... .seconds(2)
        var unroutable: ClosedRange<Duration> = .seconds(1) ... .seconds(30)
        var heldKeysLimit = 1_000
        /// After this long a round sends no further wave.
        var round: Duration = .seconds(1)
    }

    /// What a round has led to.
    struct Verdict: Equatable {
        /// Positions of the rows that are published for good.
        var confirmed: [Int64] = []
        /// Indices of the rows that no queue took.
        var unroutable: [Int] = []
        /// Rows to be published again soon, because the broker failed.
        var failed = 0
    }

    private struct Hold {
        var attempts: Int
        var until: Duration
    }

    let timing: Timing
    private var holds: [String: Hold] = [:]
    /// Keys that have had their turn while others have not.
    private(set) var restingKeys: Set<String> = []
    private var emptyRounds = 0
    private var failedRounds = 0
    private(set) var pausedUntil: Duration = .zero

    init(timing: Timing = Timing()) { self.timing = timing }

    /// The keys whose rows are to be left alone now.
    func heldKeys(now: Duration) -> [String] {
        holds.filter { $0.value.until > now }.map(\.key)
    }

    /// How many keys wait because no queue takes their events.
    var heldKeyCount: Int { holds.count }

    /// Judges a round of rows, in the order of their positions, by what became of each; nil is what was not sent.
    mutating func settle(
        _ rows: [(position: Int64, key: String)], _ outcomes: [PublishOutcome?], now: Duration,
        using random: inout some RandomNumberGenerator
    ) -> Verdict {
        precondition(rows.count == outcomes.count, "a round answers for each row")
        var verdict = Verdict()
        for (index, row) in rows.enumerated() {
            switch outcomes[index] {
            case .confirmed:
                verdict.confirmed.append(row.position)
                holds[row.key] = nil
            case .unroutable:
                verdict.unroutable.append(index)
                hold(row.key, now: now)
            case .failed:
                verdict.failed += 1
            case nil:
                break
            }
        }
        emptyRounds = 0
        failedRounds = verdict.failed > 0 && verdict.confirmed.isEmpty ? failedRounds + 1 : 0
        if verdict.failed > 0 {
            let bound = RetryPolicy.doubled(
                timing.failure.lowerBound, times: failedRounds - 1, limit: timing.failure.upperBound)
            pausedUntil = now + max(bound / 4, RetryPolicy.jittered(bound, using: &random))
        } else if holds.count >= timing.heldKeysLimit {
            // Nothing is bound for anyone: remembering every key would have no end.
            pausedUntil = now + timing.unroutable.lowerBound
            holds.removeAll()
        }
        return verdict
    }

    /// Tells which keys had more rows than a round takes: they rest until a reading finds no other such key.
    mutating func found(crowdedKeys: Set<String>) {
        let isWorthResting = !crowdedKeys.isEmpty && restingKeys.count < timing.heldKeysLimit
        if isWorthResting { restingKeys.formUnion(crowdedKeys) } else { restingKeys.removeAll() }
    }

    /// Nothing was there to publish.
    mutating func foundNothing(now: Duration) {
        // Others may have nothing while those that rest do: look again at once.
        guard restingKeys.isEmpty else { return restingKeys.removeAll() }
        emptyRounds += 1
        // A key that was tried again and has nothing left is forgotten.
        holds = holds.filter { $0.value.until > now }
    }

    /// The lock or the database was lost: what was held is looked at anew.
    mutating func restart() {
        holds.removeAll()
        restingKeys.removeAll()
        emptyRounds = 0
        failedRounds = 0
        pausedUntil = .zero
    }

    /// How long to wait before the next look, unless poked. Not positive: look at once.
    func wait(now: Duration) -> Duration {
        if pausedUntil > now { return pausedUntil - now }
        guard emptyRounds > 0 else { return .zero }
        return RetryPolicy.doubled(timing.idle.lowerBound, times: emptyRounds - 1, limit: timing.idle.upperBound)
    }

    /// Whether a poke may cut the wait short: not while the broker is away.
    func isPaused(now: Duration) -> Bool { pausedUntil > now }

    private mutating func hold(_ key: String, now: Duration) {
        let attempts = (holds[key]?.attempts ?? 0) + 1
        let delay = RetryPolicy.doubled(
            timing.unroutable.lowerBound, times: attempts - 1, limit: timing.unroutable.upperBound)
        holds[key] = Hold(attempts: attempts, until: now + delay)
    }
}
