package import Chronology

/// PostgreSQL counts days and microseconds from 2000-01-01.
private let daysTo2000 = 10_957
private let microsecondsTo2000: Int64 = 946_684_800_000_000

extension CalendarDate: PostgresEncodable, PostgresDecodable {
    package static var postgresType: PostgresType { .date }

    package func encode(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(Int32(clamping: daysSinceEpoch - daysTo2000))
    }

    /// `infinity` and `-infinity` are the ends of `Int32` and no dates.
    package static func decode(_ bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) -> CalendarDate {
        guard type == .date, let days = bytes.integer(Int32.self), days != .max, days != .min,
            let date = CalendarDate(daysSinceEpoch: Int(days) + daysTo2000)
        else { throw mismatch(type) }
        return date
    }
}

extension Timestamp: PostgresEncodable, PostgresDecodable {
    package static var postgresType: PostgresType { .timestamptz }

    /// Saturates at `-infinity`, which is what the lowest `Int64` means to the server.
    package func encode(into bytes: inout [UInt8]) {
        let (value, overflow) = microsecondsSinceEpoch.subtractingReportingOverflow(microsecondsTo2000)
        bytes.appendBigEndian(overflow ? Int64.min : value)
    }

    /// `infinity` and `-infinity` are the ends of `Int64` and no instants.
    package static func decode(_ bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) -> Timestamp {
        guard type == .timestamptz, let value = bytes.integer(Int64.self), value != .max, value != .min else {
            throw mismatch(type)
        }
        let (sum, overflow) = value.addingReportingOverflow(microsecondsTo2000)
        guard !overflow else { throw mismatch(type) }
        return Timestamp(microsecondsSinceEpoch: sum)
    }
}

extension UUIDv7: PostgresEncodable, PostgresDecodable {
    package static var postgresType: PostgresType { .uuid }

    package func encode(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(high)
        bytes.appendBigEndian(low)
    }

    /// Only version 7: any other UUID in such a column was not made by us.
    package static func decode(_ bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) -> UUIDv7 {
        var offset = 0
        guard type == .uuid, bytes.count == 16, let high = bytes.integer(UInt64.self, at: &offset),
            let low = bytes.integer(UInt64.self, at: &offset), let value = UUIDv7(high: high, low: low)
        else { throw mismatch(type) }
        return value
    }
}
