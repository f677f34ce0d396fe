@testable internal import Contracts
internal import Testing

/// Query parameters: what is read, and which fault gets which code.
@Suite struct QueryReaderTests {
    private func faults(_ parameters: [(String, String)], _ read: (inout QueryReader) -> Void) -> [String] {
        var query = QueryReader(parameters.map { (name: $0.0, value: $0.1) })
        read(&query)
        do throws(RequestFieldErrors) {
            try query.finish()
            return []
        } catch {
            return ["\(error.status)"] + error.errors.map { "\($0.field):\($0.code)" }
        }
    }

    @Test func readsTypedValues() throws {
        var query = QueryReader([
            ("limit", "10"), ("on", "2026-11-20"), ("dry_run", "true"), ("tag", "a"), ("tag", "b"),
        ])
        let limit: Int64? = query.integer("limit")
        let absent: Int64? = query.integer("offset")
        #expect(limit == 10 && absent == nil)
        #expect(query.string("on", limit: 10, format: .date) == "2026-11-20")
        #expect(query.string("cursor") == nil)
        #expect(query.bool("dry_run") == true)
        #expect(query.bool("other") == nil)
        #expect(query.strings("tag") == ["a", "b"])
        try query.finish()
    }

    @Test(arguments: ["", "abc", "1.5", "99999999999999999999", " 1", "0x1"])
    func refusesWhatIsNoNumber(_ value: String) {
        #expect(faults([("limit", value)]) { let _: Int64? = $0.integer("limit") } == ["400", "limit:wrong_type"])
    }

    @Test func refusesUnknownAndRepeatedParameters() {
        #expect(faults([("x", "1"), ("y", "2")]) { _ = $0.string("x") } == ["400", "y:unknown_field"])
        #expect(faults([("x", "1"), ("x", "2")]) { _ = $0.string("x") } == ["400", "x:duplicate_key"])
    }

    @Test func requiresWhatIsRequired() {
        let missing = faults([]) {
            _ = $0.requiredString("from", format: .date)
            let _: Int64 = $0.requiredInteger("count")
        }
        #expect(missing == ["422", "from:required", "count:required"])
    }

    @Test(arguments: [
        ("on", "2026-02-30", "malformed"), ("on", "20261120", "malformed"), ("on", "", "malformed"),
        ("on", "2026-11-20T00", "too_long"), ("on", "2026\0", "malformed"),
    ])
    func refusesMalformedValues(_ name: String, _ value: String, _ code: String) {
        #expect(
            faults([(name, value)]) { _ = $0.string(name, limit: 10, format: .date) } == ["400", "\(name):\(code)"])
    }

    @Test func limitsRepetition() {
        let tags = Array(repeating: ("tag", "t"), count: 4)
        #expect(faults(tags) { _ = $0.strings("tag", limit: 3) } == ["422", "tag:too_long"])
        #expect(faults([("tag", "\0")]) { _ = $0.strings("tag") } == ["400", "tag:malformed"])
        #expect(faults([("flag", "yes")]) { _ = $0.bool("flag") } == ["400", "flag:wrong_type"])
    }
}

/// Formats and patterns of texts.
@Suite struct TextFormatTests {
    @Test(arguments: [
        (TextFormat.date, "2026-11-20", true), (.date, "2024-02-29", true), (.date, "2026-02-29", false),
        (.date, "2026-1-1", false), (.dateTime, "2026-11-20T09:30:00.123Z", true), (.dateTime, "2026-11-20", false),
        (.dateTime, "2026-11-20T25:00:00Z", false), (.uuid, "019aa1b2-0000-7000-8000-000000000001", true),
        (.uuid, "019AA1B2-0000-4000-8000-000000000001", true), (.uuid, "019aa1b2-0000-7000-8000-00000000000", false),
        (.uuid, "019aa1b2-0000-7000-8000-00000000000g", false), (.uuid, "019aa1b200007000800000000000000100000", false),
        (.decimal, "0", true), (.decimal, "-12.340", true), (.decimal, "12.", false), (.decimal, ".5", false),
        (.decimal, "", false), (.decimal, "-", false), (.decimal, "1e3", false), (.decimal, "1.2.3", false),
        (.decimal, "+1", false), (.currency, "EUR", true), (.currency, "eur", false), (.currency, "EURO", false),
        (.currency, "ÉU", false),
    ])
    func matches(_ format: TextFormat, _ text: String, _ expected: Bool) {
        #expect(format.matches(text) == expected)
        #expect(format.explanation.hasPrefix("must be"))
    }

    @Test(arguments: [
        ("1", true), ("-1", true), ("12.5", true), ("", false), ("-", false), ("1.", false), (".1", false),
        ("1.5x", false),
        ("--1", false), (String(repeating: "9", count: 38), true), (String(repeating: "9", count: 39), false),
        ("1." + String(repeating: "0", count: 18), true), ("1." + String(repeating: "0", count: 19), false),
        ("١", false),
    ])
    func decimalPatternOfTheSchemas(_ text: String, _ expected: Bool) {
        #expect(TextPattern.pattern1.matches(text) == expected)
    }

    @Test(arguments: [("EUR", true), ("EU", false), ("EURO", false), ("eur", false), ("", false)])
    func currencyPatternOfTheSchemas(_ text: String, _ expected: Bool) {
        #expect(TextPattern.pattern2.matches(text) == expected)
    }
}
