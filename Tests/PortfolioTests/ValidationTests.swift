import Chronology
import Money
import PortfolioDomain
import Testing
import Validation

@Suite struct PortfolioValidationTests {
    @Test func portfolioTellsEveryBrokenRule() {
        let failure = #expect(throws: ValidationFailure.self) {
            try Portfolio.create(ownerID: owner, name: "", baseCurrency: "XXX", costMethod: "lifo", at: moment)
        }
        #expect(failure?.errors.map(\.field) == ["name", "base_currency", "cost_method"])
    }

    @Test(arguments: ["US0378331005", "INF209KA12Z1", "DE000BAY0017", "GB0002634946"]) func isin(text: String) {
        #expect(Instrument.isISIN(text))
    }

    @Test(arguments: [
        "", "US0378331006", "us0378331005", "US037833100", "US03783310055", "-", "0S0378331005", "US037833100X",
    ])
    func notAnISIN(text: String) {
        #expect(!Instrument.isISIN(text))
    }

    @Test(arguments: [
        ("type", "lend", "unknown_value"), ("on", "2026-13-01", "invalid_date"), ("quantity", "0", "not_positive"),
        ("quantity", "1.123456789", "too_many_decimals"), ("price", "", "required"),
        ("instrument_id", "x", "invalid_id"),
    ])
    func transactionThatBreaksARule(field: String, value: String, code: String) throws {
        var request = TransactionRequest(
            type: "buy", on: "2026-01-01", instrumentID: UUIDv7.make().description, quantity: "1", price: "1")
        switch field {
        case "type": request.type = value
        case "on": request.on = value
        case "quantity": request.quantity = value
        case "price": request.price = value
        default: request.instrumentID = value
        }
        let failure = #expect(throws: ValidationFailure.self) { try request.checked() }
        #expect(failure?.errors.map(\.field) == [field])
        #expect(failure?.errors.map(\.code) == [code])
    }

    @Test func chargesAreInTheInstrumentsCurrencyAndDoNotExceedASale() throws {
        let fund = try fund()
        var request = TransactionRequest(
            type: "sell", on: "2026-01-01", instrumentID: fund.id.description, quantity: "1", price: "1",
            fee: ("1.00", "EUR"))
        let draft = try request.checked()
        let mismatch = #expect(throws: ValidationFailure.self) {
            try draft.transaction(in: .make(), of: fund, at: moment)
        }
        #expect(mismatch?.errors.map(\.code) == ["currency_mismatch"])
        request.fee = ("1.01", "INR")
        let costly = try request.checked()
        let excess = #expect(throws: ValidationFailure.self) {
            try costly.transaction(in: .make(), of: fund, at: moment)
        }
        #expect(excess?.errors.map(\.code) == ["charges_exceed_amount"])
    }

    @Test func amountIsRoundedHalfToEven() throws {
        let fund = try fund()
        #expect(try trade("buy 2026-01-01 0.5 @ 0.01", of: fund, in: try portfolio()).amount.description == "0.00 INR")
        #expect(try trade("buy 2026-01-01 1.5 @ 0.01", of: fund, in: try portfolio()).amount.description == "0.02 INR")
        #expect(
            try trade("buy 2026-01-01 10.5 @ 107.2402", of: fund, in: try portfolio()).amount.description
                == "1126.02 INR")
    }
}
