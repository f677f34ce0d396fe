import Chronology
import Money
import Testing
import Validation

@Suite struct ValidatorTests {
    private enum Period: String, CaseIterable { case weekly, monthly }

    @Test(arguments: [
        ("", "required"), ("  \t", "required"), ("abcdef", "too_long"), ("a\u{0}b", "control_character"),
        ("a\u{7}", "control_character"), ("a\u{7F}", "control_character"), ("a\u{85}b", "control_character"),
    ])
    func textThatBreaksARule(value: String, code: String) {
        var validator = Validator()
        let text: String? = validator.text("name", value, maximum: 5)
        #expect(text == nil)
        #expect(validator.errors.map(\.code) == [code])
        #expect(validator.errors.map(\.field) == ["name"])
    }

    @Test func textIsCountedInUnicodeScalarsAndKeptAsWritten() {
        var validator = Validator()
        let text: String? = validator.text("name", " é\n√😀 ", maximum: 6)
        #expect(text == " é\n√😀 ")
        #expect(validator.errors.isEmpty)
    }

    @Test(arguments: [
        ("", "required"), ("2026-02-29", "invalid_date"), ("20261120", "invalid_date"), ("1899-12-31", "out_of_range"),
        ("2200-01-01", "out_of_range"),
    ])
    func dateThatBreaksARule(value: String, code: String) {
        var validator = Validator()
        let date: CalendarDate? = validator.date("on", value)
        #expect(date == nil)
        #expect(validator.errors.map(\.code) == [code])
    }

    @Test(arguments: [
        ("0", "not_positive"), ("-1", "not_positive"), ("1e3", "malformed_number"), ("", "required"),
        ("1.23456", "too_many_decimals"), ("123456", "too_many_integer_digits"),
    ])
    func decimalThatBreaksARule(value: String, code: String) {
        var validator = Validator()
        #expect(validator.positiveDecimal("quantity", value, maximumIntegerDigits: 5, maximumScale: 4) == nil)
        #expect(validator.errors.map(\.code) == [code])
    }

    @Test(arguments: [
        ("12.345", "EUR", "amount.amount", "too_many_decimals"), ("1.5", "JPY", "amount.amount", "too_many_decimals"),
        ("0.00", "EUR", "amount.amount", "zero_amount"), ("-1", "EUR", "amount.amount", "negative_amount"),
        ("", "EUR", "amount.amount", "required"), ("1", "eur", "amount.currency", "unknown_currency"),
        ("1", "", "amount.currency", "required"), ("1", "XAU", "amount.currency", "currency_without_minor_unit"),
        ("1234567890123", "EUR", "amount.amount", "too_many_integer_digits"),
    ])
    func moneyThatBreaksARule(amount: String, currency: String, field: String, code: String) {
        var validator = Validator()
        #expect(validator.money("amount", amount: amount, currency: currency) == nil)
        #expect(validator.errors.map(\.field) == [field])
        #expect(validator.errors.map(\.code) == [code])
    }

    @Test func everythingBrokenIsToldAtOnce() {
        var validator = Validator()
        let period: Period? = validator.choice("period", "daily")
        let id: UUIDv7? = validator.identifier("category_id", "7")
        #expect(period == nil && id == nil)
        #expect(throws: ValidationFailure.self) { try validator.check() }
        #expect(
            validator.errors == [
                FieldError(field: "period", code: "unknown_value", message: "must be one of weekly, monthly"),
                FieldError(
                    field: "category_id", code: "invalid_id", message: "must be an identifier that this API gave out"),
            ])
    }

    @Test func whatIsAbsentIsNoError() throws {
        var validator = Validator()
        let date: CalendarDate? = validator.date("to", nil)
        let currency: Currency? = validator.currency("currency", nil)
        #expect(date == nil && currency == nil)
        try validator.check()
    }

    @Test func whatHoldsIsReturned() throws {
        var validator = Validator()
        let id = UUIDv7.make()
        let read: UUIDv7? = validator.identifier("id", id.description)
        let money = validator.money("limit", amount: "200.00", currency: "EUR")
        #expect(try validator.checked(read) == id)
        #expect(try validator.checked(money).amount.description == "200.00")
        #expect(validator.number("limit", 101, in: 1...100) == nil)
        #expect(validator.errors.map(\.code) == ["out_of_range"])
    }
}
