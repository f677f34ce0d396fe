internal import Contracts
internal import JSON
internal import Testing

/// Answers as JSON.
@Suite struct AnswerTests {
    private func text(_ message: some JSONWritable) -> String { String(decoding: message.json(), as: UTF8.self) }

    @Test func absentOptionalsAreOmittedAndListsAreWritten() {
        let category = Category(id: "c", name: "Food", archived: true, version: 3, createdAt: "t", updatedAt: "u")
        #expect(
            text(category)
                == #"{"id":"c","name":"Food","archived":true,"version":3,"created_at":"t","updated_at":"u"}"#)
        #expect(text(Session()).contains(#""device":"""#))
        #expect(text(SessionList()) == #"{"data":[],"next_cursor":null}"#)
    }

    @Test func presentOptionalsAreWritten() {
        let category = Category(id: "c", name: "Food", icon: "", parentID: "p")
        #expect(text(category).hasPrefix(#"{"id":"c","name":"Food","icon":"","parent_id":"p","archived":false"#))
        #expect(text(CategoryList(nextCursor: "n")) == #"{"data":[],"next_cursor":"n"}"#)
    }

    @Test func aFigureIsAValueOrAReason() {
        #expect(text(Figure(value: "0.3734")) == #"{"value":"0.3734"}"#)
        let missing = Figure(unavailable: Unavailable(reason: "no_price", detail: "x"))
        #expect(text(missing) == #"{"unavailable":{"reason":"no_price","detail":"x"}}"#)
    }

    @Test func listsOfNumbersAndMessages() {
        let status = BudgetStatus(periodStart: "a", limit: Money(amount: "1", currency: "EUR"), crossed: [80, 100])
        #expect(
            text(status)
                == #"{"period_start":"a","period_end":"","limit":{"amount":"1","currency":"EUR"},"crossed":[80,100]}"#)
    }

    @Test func problemsAreWritten() throws {
        let problem = Problem(
            code: "required", status: 422, title: "t", detail: "\"d\"",
            errors: [FieldError(field: "amount", code: "required", message: "is required")])
        let value = try JSONDocument(parsing: problem.json()).root
        #expect(value["status"]?.int64 == 422)
        #expect(value["detail"]?.string == "\"d\"")
        #expect(value["errors"]?.elements.compactMap { $0["field"]?.string } == ["amount"])
        #expect(try Problem(serialized: problem.serialized()) == problem)
    }
}
