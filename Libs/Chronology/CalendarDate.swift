/// A day of the proleptic Gregorian calendar, without a time zone.
///
/// Texts and components from outside are held to the years 0001 to 9999. Arithmetic may leave that range (the day after
/// 9999-12-31 exists, so a loop over days always ends) and saturates millions of years away.
package struct CalendarDate: Sendable, Hashable {
    /// Days since 1970-01-01, negative before it.
    private let days: Int32

    private init(days: Int32) {
        self.days = days
    }

    private init(saturating days: Int) {
        self.days = Int32(clamping: days)
    }

    /// The day `daysSinceEpoch` days after 1970-01-01; nil where no `Int32` holds it.
    package init?(daysSinceEpoch: Int) {
        guard let days = Int32(exactly: daysSinceEpoch) else { return nil }
        self.days = days
    }

    /// Checks the components: years 1 to 9999, and only days that the calendar has.
    package init(year: Int, month: Int, day: Int) throws(ChronologyError) {
        guard 1...9999 ~= year, 1...12 ~= month, day >= 1, day <= Self.daysIn(month: month, of: year) else {
            throw ChronologyError(.invalidDate, "expected a day that the calendar has, in the years 0001 to 9999")
        }
        days = Int32(truncatingIfNeeded: Self.daysSinceEpoch(year: year, month: month, day: day))
    }

    /// The day that `instant` falls on in UTC.
    package init(utc instant: Timestamp) {
        self.init(saturating: instant.dayAndTime.day)
    }

    /// Days since 1970-01-01, negative before it.
    package var daysSinceEpoch: Int { Int(days) }

    /// Year, month (1 to 12) and day of the month (from 1) in one computation.
    package var components: (year: Int, month: Int, day: Int) {
        // Counted from 0000-03-01 in eras of 400 years, so that the leap day is the last of its year.
        let shifted = Int(days) + Self.daysFromMarchZeroToEpoch
        let era = (shifted >= 0 ? shifted : shifted - (Self.daysPerEra - 1)) / Self.daysPerEra
        let dayOfEra = shifted - era * Self.daysPerEra
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }

    /// Proleptic Gregorian; zero and below before year 1.
    package var year: Int { components.year }
    /// 1 (January) to 12.
    package var month: Int { components.month }
    /// Day of the month, from 1.
    package var day: Int { components.day }

    /// 28 to 31: the length of this day's month.
    package var daysInMonth: Int {
        let (year, month, _) = components
        return Self.daysIn(month: month, of: year)
    }

    /// The day of the week.
    package var weekday: Weekday {
        // 1970-01-01 was a Thursday, three days after a Monday.
        let index = (Int(days) + 3) % 7
        return Weekday.allCases[index < 0 ? index + 7 : index]
    }

    /// The first day of this day's month.
    package var firstOfMonth: CalendarDate { adding(days: 1 - day) }

    /// The last day of this day's month.
    package var lastOfMonth: CalendarDate {
        let (year, month, day) = components
        return adding(days: Self.daysIn(month: month, of: year) - day)
    }

    /// Midnight UTC at the start of the day; saturates where `Timestamp` ends.
    package var startOfDay: Timestamp {
        let (microseconds, overflow) = Int64(days).multipliedReportingOverflow(by: Timestamp.microsecondsPerDay)
        return Timestamp(microsecondsSinceEpoch: overflow ? (days < 0 ? .min : .max) : microseconds)
    }

    /// The day `count` days later, or earlier when negative.
    package func adding(days count: Int) -> CalendarDate {
        let (sum, overflow) = Int(days).addingReportingOverflow(count)
        return CalendarDate(saturating: overflow ? (count < 0 ? .min : .max) : sum)
    }

    /// The same day of the month `count` months later; the month's last day where it is shorter (31 January + 1 is 28
    /// or 29 February).
    package func adding(months count: Int) -> CalendarDate {
        let (year, month, day) = components
        // Beyond this many months every date is out of `Int32` days in any case.
        let bounded = max(-Self.monthsRange, min(Self.monthsRange, count))
        let total = year * 12 + (month - 1) + bounded
        let newYear = total >= 0 ? total / 12 : (total - 11) / 12
        let newMonth = total - newYear * 12 + 1
        let newDay = min(day, Self.daysIn(month: newMonth, of: newYear))
        return CalendarDate(saturating: Self.daysSinceEpoch(year: newYear, month: newMonth, day: newDay))
    }

    /// The same day `count` years later; 29 February becomes the 28th in a common year.
    package func adding(years count: Int) -> CalendarDate {
        let (months, overflow) = count.multipliedReportingOverflow(by: 12)
        return adding(months: overflow ? (count < 0 ? .min : .max) : months)
    }

    /// Days from `self` to `other`, negative when `other` is earlier.
    package func days(until other: CalendarDate) -> Int {
        Int(other.days) - Int(days)
    }

    /// 28 to 31: the length of `month` (1 to 12) in `year`.
    package static func daysIn(month: Int, of year: Int) -> Int {
        switch month {
        case 2: isLeap(year: year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Whether `year` has a 29 February.
    package static func isLeap(year: Int) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    private static let daysPerEra = 146_097
    private static let daysFromMarchZeroToEpoch = 719_468
    private static let monthsRange = 200_000_000

    private static func daysSinceEpoch(year: Int, month: Int, day: Int) -> Int {
        let marchYear = month <= 2 ? year - 1 : year
        let era = (marchYear >= 0 ? marchYear : marchYear - 399) / 400
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * daysPerEra + dayOfEra - daysFromMarchZeroToEpoch
    }
}

extension CalendarDate: Comparable {
    /// Earlier is less.
    package static func < (left: CalendarDate, right: CalendarDate) -> Bool { left.days < right.days }
}

// MARK: - ISO 8601 text

extension CalendarDate: CustomStringConvertible {
    /// Reads `YYYY-MM-DD` and nothing else, years 0001 to 9999.
    package init(parsing text: String) throws(ChronologyError) {
        try self.init(parsing: text.utf8Span.span)
    }

    /// Reads `YYYY-MM-DD` and nothing else, years 0001 to 9999.
    package init(parsing bytes: Span<UInt8>) throws(ChronologyError) {
        guard bytes.count == 10, bytes[4] == ASCII.dash, bytes[7] == ASCII.dash,
            let year = ASCII.number(bytes, from: 0, count: 4),
            let month = ASCII.number(bytes, from: 5, count: 2),
            let day = ASCII.number(bytes, from: 8, count: 2)
        else { throw ChronologyError(.invalidDate, "expected YYYY-MM-DD") }
        try self.init(year: year, month: month, day: day)
    }

    /// Reads `YYYY-MM-DD`; nil where `init(parsing:)` throws.
    package init?(iso text: String) {
        do { try self.init(parsing: text) } catch { return nil }
    }

    /// `2026-11-20`; a year outside 0000 to 9999 has a sign or more digits.
    package var description: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(12)
        append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the text of `description` as ASCII.
    package func append(to bytes: inout [UInt8]) {
        let (year, month, day) = components
        if year < 0 { bytes.append(ASCII.dash) }
        ASCII.append(abs(year), width: 4, to: &bytes)
        bytes.append(ASCII.dash)
        ASCII.append(month, width: 2, to: &bytes)
        bytes.append(ASCII.dash)
        ASCII.append(day, width: 2, to: &bytes)
    }
}
