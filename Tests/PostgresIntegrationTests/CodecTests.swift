import Chronology
import Money
import Testing

@testable import Postgres

/// The binary forms without a server: what is sent byte for byte, and that no bytes from a server can do harm.
@Suite struct CodecTests {
    private func encoded(_ value: some PostgresEncodable) -> [UInt8] {
        var bytes: [UInt8] = []
        value.encode(into: &bytes)
        return bytes
    }

    private func decoded<T: PostgresDecodable>(_ type: T.Type, _ bytes: [UInt8], _ oid: PostgresType) -> T? {
        do { return try T.decode(bytes.span, type: oid) } catch { return nil }
    }

    @Test func numbersAreGroupsOfFourDigits() throws {
        let cases: [(String, [UInt8])] = [
            ("0", [0, 0, 0, 0, 0, 0, 0, 0]),
            ("1", [0, 1, 0, 0, 0, 0, 0, 0, 0, 1]),
            ("-1.5", [0, 2, 0, 0, 0x40, 0, 0, 1, 0, 1, 0x13, 0x88]),
            ("10000", [0, 1, 0, 1, 0, 0, 0, 0, 0, 1]),
            ("0.0001", [0, 1, 0xFF, 0xFF, 0, 0, 0, 4, 0, 1]),
            ("0.00", [0, 0, 0, 0, 0, 0, 0, 2]),
        ]
        for (text, expected) in cases { #expect(encoded(try Decimal(parsing: text)) == expected, "\(text)") }
    }

    /// Sizes and signs at random, and every scale: what is written is what is read.
    @Test func numbersSurviveTheRoundTrip() throws {
        for scale in 0...Decimal.maximumScale {
            for digits in 1...38 {
                var mantissa: Int128 = 0
                for _ in 0..<digits { mantissa = mantissa * 10 + Int128(Int.random(in: 0...9)) }
                let value = try Decimal(mantissa: Bool.random() ? mantissa : -mantissa, scale: scale)
                let back = decoded(Decimal.self, encoded(value), .numeric)
                #expect(back == value && back?.scale == scale, "\(value)")
            }
        }
    }

    @Test func arraysHaveTheirHeader() {
        let header: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 21, 0, 0, 0, 2, 0, 0, 0, 1]
        #expect(encoded([Int16(1), 2]) == header + [0, 0, 0, 2, 0, 1, 0, 0, 0, 2, 0, 2])
        #expect(encoded([Int16]()) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 21])
        let withNull = encoded([nil, "a"] as [String?])
        #expect(withNull[7] == 1)
        #expect(Array(withNull.suffix(9)) == [255, 255, 255, 255, 0, 0, 0, 1, UInt8(ascii: "a")])
    }

    @Test func jsonHasItsVersion() {
        #expect(encoded(JSONText("{}")) == [1, UInt8(ascii: "{"), UInt8(ascii: "}")])
        #expect(decoded(JSONText.self, [2, 123, 125], .jsonb) == nil)
        #expect(decoded(JSONText.self, [], .jsonb) == nil)
        #expect(decoded(JSONText.self, [91, 93], .json) == JSONText("[]"))
    }

    @Test func theEndsOfTimeSaturate() {
        #expect(encoded(Timestamp(microsecondsSinceEpoch: .min)) == [0x80, 0, 0, 0, 0, 0, 0, 0])
        #expect(decoded(Timestamp.self, [0x7F, 255, 255, 255, 255, 255, 255, 254], .timestamptz) == nil)
        #expect(decoded(CalendarDate.self, [0x7F, 255, 255, 254], .date) == nil)
    }

    /// Every prefix of a value, and the value with a byte too many, is refused; nothing traps.
    @Test func cutValuesAreRefused() throws {
        let whole: [(bytes: [UInt8], read: ([UInt8]) -> Bool)] = [
            (encoded(Int64(7)), { decoded(Int64.self, $0, .int8) != nil }),
            (encoded(Int32(7)), { decoded(Int32.self, $0, .int4) != nil }),
            (encoded(true), { decoded(Bool.self, $0, .bool) != nil }),
            (encoded(UUIDv7.make()), { decoded(UUIDv7.self, $0, .uuid) != nil }),
            (encoded(try CalendarDate(parsing: "2026-11-20")), { decoded(CalendarDate.self, $0, .date) != nil }),
            (encoded(Timestamp(microsecondsSinceEpoch: 5)), { decoded(Timestamp.self, $0, .timestamptz) != nil }),
        ]
        for (bytes, read) in whole {
            #expect(read(bytes))
            for length in 0..<bytes.count { #expect(!read(Array(bytes.prefix(length)))) }
            #expect(!read(bytes + [0]))
        }
        let number = encoded(try Decimal(parsing: "-12345678.9"))
        let array = encoded(["one", nil, "three"] as [String?])
        for length in 0..<number.count { #expect(decoded(Decimal.self, Array(number.prefix(length)), .numeric) == nil) }
        for length in 0..<array.count {
            #expect(decoded([String?].self, Array(array.prefix(length)), .textArray) == nil)
        }
    }

    @Test func hostileLengthsReserveNothing() {
        let huge: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 20, 0x7F, 255, 255, 255, 0, 0, 0, 1]
        #expect(decoded([Int64].self, huge, .int8Array) == nil)
        let negative: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 20, 255, 255, 255, 255, 0, 0, 0, 1]
        #expect(decoded([Int64].self, negative, .int8Array) == nil)
        let longElement: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 1, 0, 0, 0, 1, 0x7F, 255, 255, 255]
        #expect(decoded([String].self, longElement, .textArray) == nil)
        let manyDigits: [UInt8] = [0x7F, 0xFF, 0, 0, 0, 0, 0, 0]
        #expect(decoded(Decimal.self, manyDigits, .numeric) == nil)
        let farAway: [UInt8] = [0, 1, 0x7F, 0xFF, 0, 0, 0, 0, 0, 1]
        #expect(decoded(Decimal.self, farAway, .numeric) == nil)
    }

    @Test func anyBytesAreReadOrRefused() {
        var read = 0
        for _ in 0..<20_000 {
            var bytes = (0..<Int.random(in: 0...40)).map { _ in UInt8.random(in: 0...255) }
            // Small counts reach further into the readers than random ones.
            for index in bytes.indices where Bool.random() { bytes[index] = UInt8.random(in: 0...2) }
            if decoded(Decimal.self, bytes, .numeric) != nil { read += 1 }
            if decoded([Int64?].self, bytes, .int8Array) != nil { read += 1 }
            if decoded([Decimal].self, bytes, .numericArray) != nil { read += 1 }
            if decoded([[UInt8]].self, bytes, .byteaArray) != nil { read += 1 }
        }
        #expect(read > 0, "none was well-formed: the test does not reach the readers")
    }
}

@Suite struct WaiterQueueTests {
    private func waiter(until deadline: Duration = .seconds(9)) -> Waiter {
        let request = BatchRequest(
            token: CallToken(), queries: [], role: .statements, deadline: deadline, continuation: nil)
        return Waiter(want: .batch(request), since: .zero)
    }

    @Test func firstComeFirstServed() {
        var queue = WaiterQueue(limit: 1000)
        let waiters = (0..<300).map { _ in waiter() }
        let isAccepted = waiters.allSatisfy { queue.append($0) }
        #expect(isAccepted)
        for waiter in waiters {
            #expect(queue.first?.token === waiter.token)
            queue.removeFirst()
        }
        #expect(queue.isEmpty && queue.first == nil)
        queue.removeFirst()
        #expect(queue.count == 0)
    }

    @Test func itsLimitHolds() {
        var queue = WaiterQueue(limit: 2)
        let accepted = (0..<3).map { _ in queue.append(waiter()) }
        #expect(accepted == [true, true, false])
        queue.removeFirst()
        let isAccepted = queue.append(waiter())
        #expect(isAccepted)
        #expect(queue.count == 2)
    }

    @Test func thoseThatGiveUpLeaveTheOthersInOrder() {
        var queue = WaiterQueue(limit: 10)
        let waiters = [1, 5, 2, 6].map { waiter(until: .seconds($0)) }
        for waiter in waiters { _ = queue.append(waiter) }
        queue.removeFirst()
        let expired = queue.remove { $0.deadline <= .seconds(2) }
        #expect(expired.count == 1 && expired[0].token === waiters[2].token)
        #expect(queue.first?.token === waiters[1].token)
        #expect(queue.count == 2)
        let none = queue.remove { _ in false }
        #expect(none.isEmpty)
    }
}
