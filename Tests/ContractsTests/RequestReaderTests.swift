@testable internal import Contracts
internal import Testing

/// Requests as JSON: what is read, and which fault gets which code and path.
@Suite struct RequestReaderTests {
    private func read(_ text: String, mayBeEmpty: Bool = false) throws -> CreateExpenseRequest {
        try CreateExpenseRequest(requestBody: Array(text.utf8), mayBeEmpty: mayBeEmpty)
    }

    private func faults(_ text: String) -> [String] {
        do {
            _ = try read(text)
            return []
        } catch let errors as RequestFieldErrors {
            return ["\(errors.status)"] + errors.errors.map { "\($0.field):\($0.code)" }
        } catch {
            return ["unexpected \(error)"]
        }
    }

    @Test func readsEveryField() throws {
        let request = try read(
            """
            {"amount": {"amount": "12.34", "currency": "EUR"}, "spent_on": "2026-11-20", "kind": "expense",
             "category_id": "c", "merchant": "Caf\\u00e9", "note": "", "tags": ["a", "b"], "external_id": null,
             "splits": [{"category_id": "x", "amount": {"amount": "1", "currency": "EUR"}, "note": "n"}]}
            """)
        #expect(
            request
                == CreateExpenseRequest(
                    kind: "expense", amount: Money(amount: "12.34", currency: "EUR"), spentOn: "2026-11-20",
                    categoryID: "c", merchant: "Café", note: "", tags: ["a", "b"],
                    splits: [Split(categoryID: "x", amount: Money(amount: "1", currency: "EUR"), note: "n")]))
    }

    @Test func nullIsAbsent() throws {
        let request = try read(
            #"{"amount":{"amount":"1","currency":"EUR"},"spent_on":"2026-11-20","note":null,"tags":null,"splits":null}"#
        )
        #expect(request.note == nil && request.tags.isEmpty && request.splits.isEmpty)
    }

    @Test(arguments: [
        ("", ["400", ":invalid_json"]),
        ("{", ["400", ":invalid_json"]),
        ("[]", ["400", ":wrong_type"]),
        ("null", ["400", ":wrong_type"]),
        (#"{"spent_on":"\u0000"}"#, ["400", ":invalid_json"]),
        ("{}", ["422", "amount:required", "spent_on:required"]),
        (#"{"amount":null,"spent_on":null}"#, ["422", "amount:required", "spent_on:required"]),
        (#"{"amount":{},"spent_on":"d"}"#, ["422", "amount.amount:required", "amount.currency:required"]),
        (#"{"amount":{"amount":1,"currency":"EUR"},"spent_on":"d"}"#, ["400", "amount.amount:wrong_type"]),
        (#"{"amount":"1","spent_on":"d"}"#, ["400", "amount:wrong_type"]),
        (
            #"{"amount":"1","spent_on":5,"oops":1}"#,
            ["400", "amount:wrong_type", "spent_on:wrong_type", "oops:unknown_field"]
        ),
        (#"{"tags":"a"}"#, ["400", "tags:wrong_type"]),
        (#"{"tags":["a",1,null]}"#, ["400", "tags.1:wrong_type", "tags.2:wrong_type"]),
        (#"{"splits":[1,{"amount":{"x":1}}]}"#, ["400", "splits.0:wrong_type", "splits.1.amount.x:unknown_field"]),
        (#"{"note":"a","note":"b"}"#, ["400", "note:duplicate_key"]),
        (#"{"note":null,"note":null}"#, ["400", "note:duplicate_key"]),
        (#"{"amount":{"amount":"1","amount":"2"}}"#, ["400", "amount.amount:duplicate_key"]),
        (#"{"id":"x"}"#, ["400", "id:unknown_field"]),
    ])
    func namesEveryFault(_ text: String, _ expected: [String]) {
        #expect(faults(text) == expected)
    }

    @Test func countsCharactersNotBytes() throws {
        func body(_ merchant: String) -> String {
            #"{"amount":{"amount":"1","currency":"EUR"},"spent_on":"2026-11-20","merchant":"\#(merchant)"}"#
        }
        #expect(try read(body(String(repeating: "é", count: 200))).merchant?.unicodeScalars.count == 200)
        #expect(faults(body(String(repeating: "é", count: 201))) == ["422", "merchant:too_long"])
    }

    @Test func limitsLists() {
        let tags = Array(repeating: "\"t\"", count: 21).joined(separator: ",")
        let body = #"{"amount":{"amount":"1","currency":"EUR"},"spent_on":"2026-11-20","tags":[\#(tags)]}"#
        #expect(faults(body) == ["422", "tags:too_long"])
    }

    @Test func keepsABoundedNumberOfFaults() {
        let fields = (0..<1_000).map { "\"x\($0)\":1" }.joined(separator: ",")
        #expect(faults("{\(fields)}").count == 1 + 100)
        let long = String(repeating: "k", count: 5_000)
        #expect(faults("{\"\(long)\":1}") == ["400", "\(String(repeating: "k", count: 100)):unknown_field"])
    }

    @Test func anEmptyBodyIsAnObjectWhereNothingIsRequired() throws {
        _ = try Empty(requestBody: [], mayBeEmpty: true)
        #expect(throws: RequestFieldErrors.self) { try Empty(requestBody: [], mayBeEmpty: false) }
        #expect(throws: RequestFieldErrors.self) { try Empty(requestBody: Array(#"{"a":1}"#.utf8), mayBeEmpty: true) }
    }

    @Test func fieldsOfThePathAreUnknownInTheBody() throws {
        let body =
            #"{"portfolio_id":"p","type":"buy","on":"2026-11-20","instrument_id":"i","quantity":"1","price":"2"}"#
        let errors = #expect(throws: RequestFieldErrors.self) {
            try CreateTransactionRequest(requestBody: Array(body.utf8), mayBeEmpty: false)
        }
        #expect(errors?.errors.map(\.field) == ["portfolio_id"])
        #expect(errors?.description == "request refused: portfolio_id: unknown_field")
    }

    @Test func readsNumbersAndFlags() throws {
        let body = #"""
            {"name":"n","limit":{"amount":"1","currency":"EUR"},"period":"monthly","starts_on":"2026-11-01","rollover":true,
             "thresholds":[80,100,90.0,1e2,-0.0,9007199254740992.0,9223372036854775807]}
            """#
        let request = try CreateBudgetRequest(requestBody: Array(body.utf8), mayBeEmpty: false)
        #expect(request.rollover == true)
        #expect(request.thresholds == [80, 100, 90, 100, 0, 9_007_199_254_740_992, .max])
        for (wrong, field) in [
            (#""rollover":1"#, "rollover"), (#""thresholds":[1.5]"#, "thresholds.0"),
            (#""thresholds":["1"]"#, "thresholds.0"), (#""thresholds":[1,9007199254740994.0]"#, "thresholds.1"),
            (#""thresholds":[1e300]"#, "thresholds.0"), (#""thresholds":[9223372036854775808]"#, "thresholds.0"),
        ] {
            let errors = #expect(throws: RequestFieldErrors.self) {
                try CreateBudgetRequest(requestBody: Array("{\(wrong)}".utf8), mayBeEmpty: false)
            }
            #expect(errors?.malformed.map(\.field) == [field])
        }
    }
}
