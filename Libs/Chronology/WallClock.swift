internal import Glibc

/// The port through which code learns what time it is, so that tests decide it.
package protocol WallClock: Sendable {
    /// The present instant. May step backwards when the machine's clock is corrected; not for measuring intervals.
    func now() -> Timestamp
}

extension WallClock {
    /// The present day in UTC.
    package func today() -> CalendarDate { CalendarDate(utc: now()) }
}

/// The machine's real-time clock.
package struct SystemClock: WallClock {
    /// The one clock of the machine; every value of the type is the same.
    package init() {}

    /// CLOCK_REALTIME, in microseconds.
    package func now() -> Timestamp {
        var time = timespec()
        // Cannot fail for CLOCK_REALTIME and a valid pointer.
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microsecondsSinceEpoch: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }
}
