/// Waiting times between attempts that fail: doubling, capped, and spread so that many clients do not come at once.
struct Backoff {
    let base: Duration
    let limit: Duration

    /// The wait after `failures` failures in a row (from 1): between half and all of `base * 2^(failures - 1)`, at most
    /// `limit`. `spread` is a random number from 0 to 1,023.
    func delay(afterFailures failures: Int, spread: Int) -> Duration {
        let doublings = min(max(failures - 1, 0), 20)
        let full = min(base * (1 << doublings), limit)
        return full / 2 + (full / 2) * min(max(spread, 0), 1023) / 1023
    }

    func delay(afterFailures failures: Int) -> Duration {
        delay(afterFailures: failures, spread: Int.random(in: 0...1023))
    }
}
