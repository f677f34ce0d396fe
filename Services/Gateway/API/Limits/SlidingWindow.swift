/// The requests of one caller in the last window, counted by ticks of a quarter of a second.
///
/// The window is rounded up to whole ticks, so that no more than the quota falls into any stretch of its length; a steady
/// caller at the limit loses less than one percent to the rounding.
struct SlidingWindow {
    /// Nanoseconds of a tick.
    static let tick: Int64 = 250_000_000

    private struct Slot {
        let tick: Int64
        var count: Int
    }

    private var slots: [Slot] = []
    private var first = 0
    private(set) var used = 0

    /// The last tick in which something was counted.
    var lastTick: Int64 { slots.last?.tick ?? .min }

    /// Counts a request in a tick when fewer than `quota` are in the window; ticks never go back.
    mutating func admit(at tick: Int64, quota: Int, windowTicks: Int64) -> Bool {
        forget(before: tick - windowTicks)
        guard used < quota else { return false }
        used += 1
        if slots.count > first, slots[slots.count - 1].tick == tick {
            slots[slots.count - 1].count += 1
        } else {
            slots.append(Slot(tick: tick, count: 1))
        }
        return true
    }

    /// Ticks until the oldest request leaves the window; 0 when there is none.
    func ticksUntilRelief(at tick: Int64, windowTicks: Int64) -> Int64 {
        first < slots.count ? max(0, slots[first].tick + windowTicks + 1 - tick) : 0
    }

    private mutating func forget(before tick: Int64) {
        while first < slots.count, slots[first].tick < tick {
            used -= slots[first].count
            first += 1
        }
        if first > 64, first * 2 > slots.count {
            slots.removeFirst(first)
            first = 0
        }
    }
}
