import Foundation
import Testing

@testable import Chronology

@Suite("CalendarDate")
struct CalendarDateTests {
    @Test(arguments: [
        ("1970-01-01", 0), ("1969-12-31", -1), ("2000-02-29", 11_016), ("2026-11-20", 20_777), ("0001-01-01", -719_162),
        ("9999-12-31", 2_932_896), ("1900-02-28", -25_509), ("1900-03-01", -25_508),
    ])
    func daysSinceTheEpoch(_ text: String, _ days: Int) throws {
        let date = try CalendarDate(parsing: text)
        #expect(date.daysSinceEpoch == days)
        #expect(date.description == text)
        #expect(CalendarDate(daysSinceEpoch: days) == date)
        #expect(CalendarDate(iso: text) == date)
    }

    @Test func agreesWithFoundationOverEightCenturies() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
        // From 1600 on, where Foundation's calendar is Gregorian too.
        for days in stride(from: -135_000, to: 160_000, by: 97) {
            let date = try #require(CalendarDate(daysSinceEpoch: days))
            let parts = calendar.dateComponents(
                [.year, .month, .day, .weekday], from: Date(timeIntervalSince1970: Double(days) * 86_400))
            #expect(date.year == parts.year && date.month == parts.month && date.day == parts.day, "\(days)")
            // Foundation counts from Sunday, 1.
            #expect(date.weekday.rawValue % 7 + 1 == parts.weekday, "\(date)")
            #expect(try CalendarDate(year: date.year, month: date.month, day: date.day) == date)
        }
    }

    @Test func everyDayFollowsTheOneBefore() throws {
        var day = try CalendarDate(parsing: "1896-01-01")
        var expected = (year: 1896, month: 1, day: 1)
        while day.year < 2105 {
            #expect(day.components == expected)
            expected.day += 1
            if expected.day > CalendarDate.daysIn(month: expected.month, of: expected.year) {
                expected = expected.month == 12 ? (expected.year + 1, 1, 1) : (expected.year, expected.month + 1, 1)
            }
            day = day.adding(days: 1)
        }
    }

    @Test(arguments: [
        "", "2026-11-2", "2026-11-200", "2026-1-20", "26-11-20", "2026/11/20", "2026-11-20 ", " 2026-11-20", "20261120",
        "2026-W47-5", "2026-13-01", "2026-00-10", "2026-11-00", "2026-11-31", "2026-02-29", "2100-02-29", "0000-01-01",
        "-001-01-01", "+026-11-20", "2026-11-2O", "٢٠٢٦-11-20", "2026-11-20T00:00:00Z", "2026‐11‐20",
    ])
    func refuses(_ text: String) {
        #expect(CalendarDate(iso: text) == nil)
        #expect(throws: ChronologyError.self) { try CalendarDate(parsing: text) }
    }

    @Test func refusesNUL() {
        for text in ["\u{0}026-11-20", "2026-11-2\u{0}", "2026-11-20\u{0}"] { #expect(CalendarDate(iso: text) == nil) }
    }

    @Test func refusesComponentsThatAreNoDay() {
        for (year, month, day) in [
            (0, 1, 1), (10_000, 1, 1), (2026, 2, 29), (2026, 0, 1), (2026, 13, 1), (2026, 1, 0), (.max, .max, .max),
            (.min, 1, -1),
        ] {
            #expect(throws: ChronologyError.self) { try CalendarDate(year: year, month: month, day: day) }
        }
        #expect(throws: Never.self) { try CalendarDate(year: 2000, month: 2, day: 29) }
    }

    @Test func monthsClampToTheLastDay() throws {
        let cases = [
            ("2026-01-31", 1, "2026-02-28"), ("2024-01-31", 1, "2024-02-29"), ("2026-03-31", -1, "2026-02-28"),
            ("2026-01-31", 12, "2027-01-31"), ("2026-01-15", -1, "2025-12-15"), ("2026-12-31", 2, "2027-02-28"),
            ("2026-11-20", 0, "2026-11-20"), ("2026-11-20", -11, "2025-12-20"), ("2026-11-20", -24_000, "0026-11-20"),
        ]
        for (start, months, expected) in cases {
            #expect(
                try CalendarDate(parsing: start).adding(months: months).description == expected, "\(start) \(months)")
        }
        #expect(try CalendarDate(parsing: "2024-02-29").adding(years: 1).description == "2025-02-28")
        #expect(try CalendarDate(parsing: "2024-02-29").adding(years: -4).description == "2020-02-29")
    }

    @Test func partsOfTheMonth() throws {
        let date = try CalendarDate(parsing: "2024-02-17")
        #expect(date.firstOfMonth.description == "2024-02-01")
        #expect(date.lastOfMonth.description == "2024-02-29")
        #expect(date.daysInMonth == 29)
        #expect(date.weekday == .saturday)
        #expect(date.startOfDay.description == "2024-02-17T00:00:00.000Z")
        #expect((1...12).map { CalendarDate.daysIn(month: $0, of: 2026) }.reduce(0, +) == 365)
    }

    @Test func arithmeticLeavesTheFourDigitYearsWithoutTrapping() throws {
        let last = try CalendarDate(parsing: "9999-12-31")
        #expect(last.adding(days: 1).description == "10000-01-01")
        #expect(last < last.adding(days: 1))
        #expect(try CalendarDate(parsing: "0001-01-01").adding(days: -1).description == "0000-12-31")
        #expect(try CalendarDate(parsing: "0001-01-01").adding(days: -367).description == "-0001-12-31")
        for extreme in [Int.min, -5_000_000_000, 5_000_000_000, Int.max] {
            let values = [
                last.adding(days: extreme), last.adding(months: extreme), last.adding(years: extreme),
                last.adding(days: extreme).adding(months: extreme).adding(days: extreme),
            ]
            for value in values { #expect((value > last) == (extreme > 0)) }
            #expect(!values[0].description.isEmpty && !values[0].startOfDay.description.isEmpty)
        }
        #expect(CalendarDate(daysSinceEpoch: .max) == nil)
        #expect(CalendarDate(daysSinceEpoch: .min) == nil)
    }

    @Test func daysBetween() throws {
        let start = try CalendarDate(parsing: "2024-02-28")
        #expect(try start.days(until: CalendarDate(parsing: "2024-03-01")) == 2)
        #expect(try start.days(until: CalendarDate(parsing: "2024-02-27")) == -1)
        let far = start.adding(days: .max)
        #expect(far.days(until: start.adding(days: .min)) < 0)
    }
}
