/// An instant in UTC, in whole microseconds, leap seconds not counted (POSIX time).
package struct Timestamp: Sendable, Hashable {
    /// Microseconds since 1970-01-01T00:00:00Z, negative before it.
    package let microsecondsSinceEpoch: Int64

    /// The instant so many microseconds after 1970-01-01T00:00:00Z.
    package init(microsecondsSinceEpoch: Int64) {
        self.microsecondsSinceEpoch = microsecondsSinceEpoch
    }

    /// Saturates where microseconds no longer fit (about 292,000 years away).
    package init(millisecondsSinceEpoch: Int64) {
        microsecondsSinceEpoch = Self.saturatingProduct(millisecondsSinceEpoch, 1000)
    }

    /// Saturates where microseconds no longer fit (about 292,000 years away).
    package init(secondsSinceEpoch: Int64) {
        microsecondsSinceEpoch = Self.saturatingProduct(secondsSinceEpoch, 1_000_000)
    }

    /// Whole milliseconds since the epoch, rounded down.
    package var millisecondsSinceEpoch: Int64 { Self.floorDivide(microsecondsSinceEpoch, 1000).quotient }

    /// Whole seconds since the epoch, rounded down.
    package var secondsSinceEpoch: Int64 { Self.floorDivide(microsecondsSinceEpoch, 1_000_000).quotient }

    /// This instant with what is finer than a millisecond cut off, as `description` shows it.
    package var truncatedToMilliseconds: Timestamp { Timestamp(millisecondsSinceEpoch: millisecondsSinceEpoch) }

    /// The instant `interval` later; finer than a microsecond is cut off, the ends saturate.
    package func adding(_ interval: Duration) -> Timestamp {
        let (sum, overflow) = microsecondsSinceEpoch.addingReportingOverflow(interval.wholeMicroseconds)
        return Timestamp(microsecondsSinceEpoch: overflow ? (interval < .zero ? .min : .max) : sum)
    }

    /// `adding(_:)` as an operator.
    package static func + (instant: Timestamp, interval: Duration) -> Timestamp { instant.adding(interval) }

    /// The instant `interval` earlier; the ends saturate.
    package static func - (instant: Timestamp, interval: Duration) -> Timestamp { instant.adding(.zero - interval) }

    /// The time from `earlier` to `later`, saturating at the ends of `Int64` microseconds.
    package static func - (later: Timestamp, earlier: Timestamp) -> Duration {
        let (difference, overflow) = later.microsecondsSinceEpoch.subtractingReportingOverflow(
            earlier.microsecondsSinceEpoch)
        return .microseconds(overflow ? (later < earlier ? .min : .max) : difference)
    }

    static let microsecondsPerDay: Int64 = 86_400_000_000

    /// Day number since 1970-01-01 and microseconds into that day.
    var dayAndTime: (day: Int, microseconds: Int64) {
        let (quotient, remainder) = Self.floorDivide(microsecondsSinceEpoch, Self.microsecondsPerDay)
        return (Int(quotient), remainder)
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func saturatingProduct(_ value: Int64, _ factor: Int64) -> Int64 {
        let (product, overflow) = value.multipliedReportingOverflow(by: factor)
        return overflow ? (value < 0 ? .min : .max) : product
    }
}

extension Timestamp: Comparable {
    /// Earlier is less.
    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microsecondsSinceEpoch < right.microsecondsSinceEpoch
    }
}

extension Duration {
    /// Whole microseconds, cut toward zero, saturating at the ends of `Int64`.
    package var wholeMicroseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, carry) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000_000)
        return carry ? (seconds < 0 ? .min : .max) : sum
    }
}
