// RFC 3339, section 5.6: the only text form of an instant.

extension Timestamp: CustomStringConvertible {
    /// Reads an RFC 3339 date-time: `2026-11-20T09:30:00.123Z` or with an offset such as `+05:30`.
    ///
    /// Refused: leap seconds (no POSIX clock shows them), hour 24, a space in place of `T`, more than nine decimals,
    /// years outside 0001 to 9999 before or after the offset is taken off. What is finer than a microsecond is cut off.
    package init(parsing text: String) throws(ChronologyError) {
        try self.init(parsing: text.utf8Span.span)
    }

    /// Reads an RFC 3339 date-time from ASCII; the rules of `init(parsing:)` for strings.
    package init(parsing bytes: Span<UInt8>) throws(ChronologyError) {
        guard let parsed = Self.parse(bytes) else {
            throw ChronologyError(.invalidTimestamp, "expected an RFC 3339 date-time such as 2026-11-20T09:30:00.123Z")
        }
        self = parsed
    }

    /// Reads an RFC 3339 date-time; nil where `init(parsing:)` throws.
    package init?(rfc3339 text: String) {
        guard let parsed = Self.parse(text.utf8Span.span) else { return nil }
        self = parsed
    }

    /// `2026-11-20T09:30:00.123Z`: UTC with exactly three decimals; what is finer is cut off.
    package var description: String { text(decimals: 3) }

    /// `2026-11-20T09:30:00.123456Z`: UTC with every decimal, for storage and round trips.
    package var microsecondDescription: String { text(decimals: 6) }

    /// Appends the text of `description` as ASCII.
    package func append(to bytes: inout [UInt8]) {
        append(decimals: 3, to: &bytes)
    }

    private func text(decimals: Int) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32)
        append(decimals: decimals, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private func append(decimals: Int, to bytes: inout [UInt8]) {
        CalendarDate(utc: self).append(to: &bytes)
        let microseconds = Int(dayAndTime.microseconds)
        let seconds = microseconds / 1_000_000
        let fraction = microseconds % 1_000_000
        bytes.append(UInt8(ascii: "T"))
        ASCII.append(seconds / 3600, width: 2, to: &bytes)
        bytes.append(ASCII.colon)
        ASCII.append(seconds / 60 % 60, width: 2, to: &bytes)
        bytes.append(ASCII.colon)
        ASCII.append(seconds % 60, width: 2, to: &bytes)
        bytes.append(ASCII.point)
        ASCII.append(decimals == 3 ? fraction / 1000 : fraction, width: decimals, to: &bytes)
        bytes.append(UInt8(ascii: "Z"))
    }

    private static func parse(_ bytes: Span<UInt8>) -> Timestamp? {
        guard bytes.count >= 20, bytes[10] | 0x20 == UInt8(ascii: "t"),
            let date = date(bytes),
            let seconds = secondsOfDay(bytes)
        else { return nil }
        var index = 19
        guard let fraction = fraction(bytes, &index), let offset = offsetSeconds(bytes, index) else { return nil }
        let total = Int64(date.daysSinceEpoch) * 86_400 + Int64(seconds - offset)
        guard 1...9999 ~= CalendarDate(utc: Timestamp(secondsSinceEpoch: total)).year else { return nil }
        return Timestamp(microsecondsSinceEpoch: total * 1_000_000 + Int64(fraction))
    }

    private static func date(_ bytes: Span<UInt8>) -> CalendarDate? {
        do { return try CalendarDate(parsing: bytes.extracting(0..<10)) } catch { return nil }
    }

    private static func secondsOfDay(_ bytes: Span<UInt8>) -> Int? {
        guard bytes[13] == ASCII.colon, bytes[16] == ASCII.colon,
            let hour = ASCII.number(bytes, from: 11, count: 2), hour < 24,
            let minute = ASCII.number(bytes, from: 14, count: 2), minute < 60,
            let second = ASCII.number(bytes, from: 17, count: 2), second < 60
        else { return nil }
        return hour * 3600 + minute * 60 + second
    }

    /// Microseconds of the optional decimals at `index`, which is moved past them.
    private static func fraction(_ bytes: Span<UInt8>, _ index: inout Int) -> Int? {
        guard bytes[index] == ASCII.point else { return 0 }
        index += 1
        let start = index
        var value = 0
        while index < bytes.count, bytes[index] &- ASCII.zero < 10 {
            if index - start < 6 { value = value * 10 + Int(bytes[index] - ASCII.zero) }
            index += 1
        }
        guard 1...9 ~= index - start else { return nil }
        for _ in 0..<max(0, 6 - (index - start)) { value *= 10 }
        return value
    }

    /// Seconds east of UTC, of `Z` or `±hh:mm` which must end the text.
    private static func offsetSeconds(_ bytes: Span<UInt8>, _ index: Int) -> Int? {
        guard index < bytes.count else { return nil }
        let sign = bytes[index]
        if sign | 0x20 == UInt8(ascii: "z") { return index + 1 == bytes.count ? 0 : nil }
        guard sign == UInt8(ascii: "+") || sign == ASCII.dash, bytes.count == index + 6,
            bytes[index + 3] == ASCII.colon,
            let hours = ASCII.number(bytes, from: index + 1, count: 2), hours < 24,
            let minutes = ASCII.number(bytes, from: index + 4, count: 2), minutes < 60
        else { return nil }
        let seconds = hours * 3600 + minutes * 60
        return sign == ASCII.dash ? -seconds : seconds
    }
}
