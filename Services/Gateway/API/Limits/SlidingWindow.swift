/// The requests of one caller in the last window, in order of time.
///
/// Requests within a millisecond are one entry, as long as they are few beside the quota; it leaves the window with the last
/// of them. So no more than the quota falls into any stretch of the window's length, what is promised for a time is there at
/// that time, and a caller who takes all that there is loses less than a hundredth.
struct SlidingWindow {
    /// Nanoseconds that one entry may span.
    private static let grain: Int64 = 1_000_000

    /// The least number of entries that a quota is told apart by.
    private static let entriesOfQuota = 256

    private struct Entry {
        /// When the last of its requests came, in nanoseconds.
        var last: Int64
        /// Nanoseconds from its first to its last; at most `grain`.
        var span: UInt32
        var count: UInt32
    }

    private var log: [Entry] = []
    private var first = 0
    /// Requests in the window.
    private(set) var used = 0

    /// What is kept in memory: at most some for each millisecond of the window, and as many again that have
    /// left it.
    var entries: Int { log.count }

    /// When something was counted last.
    var last: Int64 { log.last?.last ?? .min }

    /// Counts a request when fewer than `quota` are in the window before it. Times are nanoseconds and never go back.
    mutating func admit(at time: Int64, quota: Int, window: Int64) -> Bool {
        forget(until: time - window)
        guard used < quota else { return false }
        used += 1
        if let entry = log.indices.last, entry >= first, extend(entry, to: time, quota) { return true }
        log.append(Entry(last: time, span: 0, count: 1))
        return true
    }

    /// Requests in the window before a time, none counted for it, and nanoseconds until one of them leaves it.
    mutating func standing(at time: Int64, window: Int64) -> (used: Int, relief: Int64) {
        forget(until: time - window)
        return (used, relief(at: time, window: window))
    }

    /// Nanoseconds until something leaves the window; 0 where nothing is in it.
    func relief(at time: Int64, window: Int64) -> Int64 {
        first < log.count ? max(0, log[first].last + window - time) : 0
    }

    private mutating func extend(_ index: Int, to time: Int64, _ quota: Int) -> Bool {
        let span = time - log[index].last + Int64(log[index].span)
        guard span < Self.grain, log[index].count < min(quota / Self.entriesOfQuota, 1 << 20) else { return false }
        log[index].last = time
        log[index].span = UInt32(span)
        log[index].count += 1
        return true
    }

    private mutating func forget(until time: Int64) {
        while first < log.count, log[first].last <= time {
            used -= Int(log[first].count)
            first += 1
        }
        if first > 64, first * 2 > log.count {
            log.removeFirst(first)
            first = 0
        }
    }
}
