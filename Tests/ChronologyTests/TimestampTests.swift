import Testing

@testable import Chronology

@Suite("Timestamp")
struct TimestampTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("2026-11-20T09:30:00.123Z", 1_795_167_000_123_000),
        ("2026-11-20T09:30:00.123456Z", 1_795_167_000_123_456),
        ("2026-11-20T09:30:00.123456789Z", 1_795_167_000_123_456),
        ("2026-11-20T09:30:00.1Z", 1_795_167_000_100_000), ("2026-11-20T15:00:00+05:30", 1_795_167_000_000_000),
        ("2026-11-20T01:30:00.5-08:00", 1_795_167_000_500_000), ("2026-11-20T09:30:00-00:00", 1_795_167_000_000_000),
        ("2026-11-20t09:30:00z", 1_795_167_000_000_000), ("1969-12-31T23:59:59.999999Z", -1),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000_000), ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
        ("2026-11-21T00:00:00+23:59", 1_795_132_860_000_000),
    ])
    func reads(_ text: String, _ microseconds: Int64) throws {
        let instant = try Timestamp(parsing: text)
        #expect(instant.microsecondsSinceEpoch == microseconds)
        #expect(Timestamp(rfc3339: text) == instant)
    }

    @Test(arguments: [
        "", "2026-11-20", "2026-11-20T09:30:00", "2026-11-20T09:30Z", "2026-11-20 09:30:00Z", "2026-11-20T24:00:00Z",
        "2026-11-20T09:60:00Z", "2016-12-31T23:59:60Z", "2026-11-20T09:30:61Z", "2026-11-31T09:30:00Z",
        "2026-02-29T09:30:00Z", "2026-11-20T09:30:00.Z", "2026-11-20T09:30:00,5Z", "2026-11-20T09:30:00.1234567890Z",
        "2026-11-20T09:30:00+0530", "2026-11-20T09:30:00+05", "2026-11-20T09:30:00+24:00", "2026-11-20T09:30:00+05:60",
        "2026-11-20T09:30:00+05:30Z", "2026-11-20T09:30:00ZZ", "2026-11-20T09:30:00.5", "2026-11-20T09:30:00 Z",
        "2026-11-20T9:30:00Z", "20261120T093000Z", "0000-12-31T23:59:59Z", "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01", "2026-11-20T-9:30:00Z", "2026-11-20T09:30:00.-1Z", "1795167000",
        "not a date at all!!!",
        "２０２６-11-20T09:30:00Z",
    ])
    func refuses(_ text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
        #expect(throws: ChronologyError.self) { try Timestamp(parsing: text) }
    }

    @Test func writesMillisecondsAndRoundsDown() {
        let cases: [(Int64, String, String)] = [
            (0, "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999999Z"),
            (1_795_167_000_123_999, "2026-11-20T09:30:00.123Z", "2026-11-20T09:30:00.123999Z"),
            (1_795_167_000_007_009, "2026-11-20T09:30:00.007Z", "2026-11-20T09:30:00.007009Z"),
        ]
        for (microseconds, milliseconds, full) in cases {
            let instant = Timestamp(microsecondsSinceEpoch: microseconds)
            #expect(instant.description == milliseconds)
            #expect(instant.microsecondDescription == full)
            #expect(Timestamp(rfc3339: full) == instant)
            #expect(instant.truncatedToMilliseconds.description == milliseconds)
        }
    }

    @Test func roundTripsAnyInstantOfTheFourDigitYears() throws {
        for _ in 0..<2_000 {
            let instant = Timestamp(
                microsecondsSinceEpoch: Int64.random(in: -62_135_596_800_000_000...253_402_300_799_999_999))
            #expect(try Timestamp(parsing: instant.microsecondDescription) == instant)
        }
    }

    @Test func wholeUnitsRoundDown() {
        let instant = Timestamp(microsecondsSinceEpoch: -1)
        #expect(instant.secondsSinceEpoch == -1 && instant.millisecondsSinceEpoch == -1)
        #expect(Timestamp(secondsSinceEpoch: 5).microsecondsSinceEpoch == 5_000_000)
        #expect(Timestamp(millisecondsSinceEpoch: -5).microsecondsSinceEpoch == -5_000)
        #expect(CalendarDate(utc: instant).description == "1969-12-31")
        #expect(CalendarDate(utc: Timestamp(secondsSinceEpoch: 0)).description == "1970-01-01")
    }

    @Test func arithmetic() {
        let start = Timestamp(secondsSinceEpoch: 100)
        #expect(start + .milliseconds(1500) == Timestamp(millisecondsSinceEpoch: 101_500))
        #expect(start - .seconds(200) == Timestamp(secondsSinceEpoch: -100))
        #expect((start + .seconds(3)) - start == .seconds(3))
        #expect(start < start + .microseconds(1))
        #expect(start + .nanoseconds(999) == start)
    }

    @Test func theEndsSaturate() {
        let (first, last) = (Timestamp(microsecondsSinceEpoch: .min), Timestamp(microsecondsSinceEpoch: .max))
        #expect(last + .seconds(1) == last)
        #expect(first - .seconds(1) == first)
        #expect(last + .seconds(Int64.max) == last)
        #expect(last - first == .microseconds(Int64.max))
        #expect(first - last == .microseconds(Int64.min))
        #expect(Timestamp(secondsSinceEpoch: .max) == last)
        #expect(Timestamp(millisecondsSinceEpoch: .min) == first)
        #expect(!first.description.isEmpty && !last.description.isEmpty)
    }

    @Test func theSystemClockIsBetweenTwoReadings() {
        let before = SystemClock().now()
        let now = SystemClock().now()
        #expect(before > Timestamp(secondsSinceEpoch: 1_700_000_000))
        #expect(abs((now - before).wholeMicroseconds) < 60_000_000)
        #expect(SystemClock().today() >= CalendarDate(utc: before))
    }
}
