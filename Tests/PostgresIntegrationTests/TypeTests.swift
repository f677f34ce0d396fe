import Chronology
import Money
import Postgres
import Testing

/// An enumeration as services have them: stored as its raw value.
private enum Colour: String, PostgresEncodable, PostgresDecodable, CaseIterable {
    case red, green
}

@Suite struct TypeTests {
    /// Sends each value as a parameter and expects the same one back, and the server's text of it.
    private func roundTrip<T: PostgresCodable & Equatable>(
        _ cases: [(value: T, text: String)], sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await withPool { pool in
            for (value, text) in cases {
                let rows = try await pool.query("SELECT \(value), (\(value))::text")
                let (back, shown) = try rows.first(as: T.self, String.self)
                #expect(back == value, sourceLocation: sourceLocation)
                #expect(shown == text, sourceLocation: sourceLocation)
            }
        }
    }

    @Test func integers() async throws {
        try await roundTrip([(Int64.min, "-9223372036854775808"), (0, "0"), (Int64.max, "9223372036854775807")])
        try await roundTrip([(Int(-1), "-1"), (1 << 40, "1099511627776")])
        try await roundTrip([(Int32.min, "-2147483648"), (Int32.max, "2147483647")])
        try await roundTrip([(Int16.min, "-32768"), (Int16.max, "32767")])
    }

    @Test func textBytesAndTruth() async throws {
        try await roundTrip([("", ""), ("naïve 🚀 'quoted' \\ \"", "naïve 🚀 'quoted' \\ \"")])
        try await roundTrip([([UInt8](), "\\x"), ([0, 255, 0x27, 0], "\\x00ff2700")])
        try await roundTrip([(true, "true"), (false, "false")])
        try await roundTrip([(Colour.green, "green")])
    }

    @Test func daysAndInstants() async throws {
        try await roundTrip([
            (try CalendarDate(parsing: "2026-11-20"), "2026-11-20"),
            (try CalendarDate(parsing: "0001-01-01"), "0001-01-01"),
            (try CalendarDate(parsing: "1999-12-31"), "1999-12-31"),
            (try CalendarDate(parsing: "9999-12-31"), "9999-12-31"),
        ])
        try await withPool { pool in
            for microseconds: Int64 in [0, 1, -1, 946_684_800_000_000, 1_795_000_000_123_456, -62_135_596_800_000_000] {
                let instant = Timestamp(microsecondsSinceEpoch: microseconds)
                let rows = try await pool.query(
                    "SELECT \(instant), (extract(epoch FROM \(instant)) * 1000000)::bigint")
                let (back, counted) = try rows.first(as: Timestamp.self, Int64.self)
                #expect(back == instant)
                #expect(counted == microseconds)
            }
        }
    }

    @Test func identifiersAndJSON() async throws {
        let id = try UUIDv7(parsing: "01890a5d-ac96-774b-bcce-b302099a8057")
        try await roundTrip([(id, "01890a5d-ac96-774b-bcce-b302099a8057")])
        try await roundTrip([(JSONText(#"{"a": [1, "ü"]}"#), #"{"a": [1, "ü"]}"#)])
        try await withPool { pool in
            let rows = try await pool.query("SELECT '[1]'::json")
            #expect(try rows.first(as: JSONText.self) == JSONText("[1]"))
        }
    }

    @Test(arguments: [
        "0", "0.00", "1", "-1", "12.5", "12.50", "0.0001", "0.00001", "9999", "10000", "10000.0001",
        "-123456789.987654321",
        "100000000", "0.000000000000000001", "99999999999999999999999999999999999999",
        "-99999999999999999999.999999999999999999", "50000", "1234567890123456789012345678901234567.8",
    ])
    func numbers(text: String) async throws {
        try await roundTrip([(try Decimal(parsing: text), text)])
    }

    @Test(arguments: [
        ("1e20", "100000000000000000000"), ("1.50000000000000000000000", "1.500000000000000000"), ("-0.0", "0.0"),
        ("12345678901234567890.1234", "12345678901234567890.1234"),
    ])
    func numbersOfTheServer(expression: String, expected: String) async throws {
        try await withPool { pool in
            let rows = try await pool.query("SELECT \(unescaped: expression)::numeric")
            #expect(try rows.first(as: Decimal.self).description == expected)
        }
    }

    @Test func arrays() async throws {
        try await roundTrip([([Int64](), "{}"), ([1, -2, 3], "{1,-2,3}")])
        try await roundTrip([([Int32](), "{}"), ([7], "{7}")])
        try await roundTrip([(["a", "b,c", "", "NULL"], #"{a,"b,c","","NULL"}"#)])
        try await roundTrip([([[1, 2], [], [255]] as [[UInt8]], #"{"\\x0102","\\x","\\xff"}"#)])
        try await roundTrip([([true, false], "{t,f}")])
        try await roundTrip([(["a", nil, "b"] as [String?], "{a,NULL,b}")])
        try await roundTrip([([nil, 4] as [Int?], "{NULL,4}")])
        try await roundTrip([([Int16(3)], "{3}")])
        try await roundTrip([([try Decimal(parsing: "1.50"), try Decimal(parsing: "-2")], "{1.50,-2}")])
        try await roundTrip([([try CalendarDate(parsing: "2026-11-20")], "{2026-11-20}")])
        let id = try UUIDv7(parsing: "01890a5d-ac96-774b-bcce-b302099a8057")
        try await roundTrip([([id], "{01890a5d-ac96-774b-bcce-b302099a8057}")])
        try await roundTrip([([JSONText("[]")], "{[]}")])
    }

    @Test func arraysServeAnyAndUnnest() async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE t (a bigint, at timestamptz, note text, body jsonb)")
            let now = Timestamp(microsecondsSinceEpoch: 1_795_000_000_000_000)
            let notes: [String?] = ["x", nil, "z"]
            try await pool.query(
                """
                INSERT INTO t SELECT * FROM unnest(\([1, 2, 3]), \([now, now, now]), \(notes),
                \([JSONText("1"), JSONText("2"), JSONText("3")]))
                """)
            let rows = try await pool.query("SELECT a, note FROM t WHERE a = ANY(\([2, 3, 9])) ORDER BY a")
            #expect(try rows.map { try $0["a", as: Int.self] } == [2, 3])
            #expect(try rows.map { try $0[1, as: String?.self] } == [nil, "z"])
        }
    }

    @Test func nullsOfEveryKind() async throws {
        try await withPool { pool in
            let none: String? = nil
            let rows = try await pool.query("SELECT \(none), \(nil as Int?), \(Optional("there"))")
            let (text, number, there) = try rows[0].decode(String?.self, Int?.self, String?.self)
            #expect(text == nil && number == nil && there == "there")
            let error = await postgresError { _ = try rows[0].decode(String.self, at: 0) }
            #expect(error?.code == .unexpectedNull)
        }
    }

    /// Each expression is asked for as a type that it is not, or that cannot hold it.
    @Test func whatDoesNotFitIsRefused() async throws {
        try await withPool { pool in
            try await refuses("1::float8", Int.self, pool)
            try await refuses("'a'::text", Int.self, pool)
            try await refuses("1::int8", String.self, pool)
            try await refuses("40000::int4", Int16.self, pool)
            try await refuses("3000000000::int8", Int32.self, pool)
            try await refuses("'infinity'::date", CalendarDate.self, pool)
            try await refuses("'-infinity'::timestamptz", Timestamp.self, pool)
            try await refuses("'294276-12-31'::timestamptz", Bool.self, pool)
            try await refuses("'NaN'::numeric", Decimal.self, pool)
            try await refuses("'Infinity'::numeric", Decimal.self, pool)
            try await refuses("1.0000000000000000001", Decimal.self, pool)
            try await refuses("1e38::numeric", Decimal.self, pool)
            try await refuses("1e200::numeric", Decimal.self, pool)
            try await refuses("'550e8400-e29b-41d4-a716-446655440000'::uuid", UUIDv7.self, pool)
            try await refuses("'{{1,2},{3,4}}'::int8[]", [Int64].self, pool)
            try await refuses("'{a}'::text[]", [Int64].self, pool)
            try await refuses("'blue'::text", Colour.self, pool)
            try await refuses("'abc'::text", [UInt8].self, pool)
            try await refuses("'abc'::text", JSONText.self, pool)
        }
    }

    private func refuses<T: PostgresDecodable>(
        _ expression: String, _ type: T.Type, _ pool: PostgresPool, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let rows = try await pool.query("SELECT \(unescaped: expression) AS value")
        let error = await postgresError(sourceLocation: sourceLocation) { _ = try rows[0].decode(type, at: 0) }
        #expect(error?.code == .typeMismatch, sourceLocation: sourceLocation)
        #expect(error?.message.contains("column value") == true, sourceLocation: sourceLocation)
    }

    @Test func rowsKnowTheirColumns() async throws {
        try await withPool { pool in
            let rows = try await pool.query("SELECT 1::int8 AS one, 'x' AS \"Two\"")
            #expect(try rows[0]["Two", as: String.self] == "x")
            let missing = await postgresError { _ = try rows[0]["two", as: String.self] }
            #expect(missing?.code == .notFound)
            let beyond = await postgresError { _ = try rows[0].decode(Int.self, at: 2) }
            #expect(beyond?.code == .notFound)
            let none = try await pool.query("SELECT 1 WHERE false")
            let empty = await postgresError { _ = try none.first(as: Int.self) }
            #expect(empty?.code == .notFound)
        }
    }

    /// More than a socket buffer in both directions at once.
    @Test func largeValuesPass() async throws {
        try await withPool { pool in
            let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            async let other = pool.query("SELECT \(bytes)")
            let rows = try await pool.query("SELECT \(bytes), repeat('x', 5000000)")
            let (back, text) = try rows.first(as: [UInt8].self, String.self)
            #expect(back == bytes)
            #expect(text.utf8.count == 5_000_000)
            #expect(try await other.first(as: [UInt8].self) == bytes)
        }
    }
}
