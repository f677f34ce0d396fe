import Chronology
import Money
import PortfolioDomain

func day(_ text: String) -> CalendarDate {
    guard let day = CalendarDate(iso: text) else { preconditionFailure("\(text) is no date") }
    return day
}

func decimal(_ text: String) -> Decimal {
    do { return try Decimal(parsing: text) } catch { preconditionFailure("\(text) is no decimal") }
}

let moment = Timestamp(secondsSinceEpoch: 1_790_000_000)
let owner = UUIDv7.make()

func portfolio(_ method: CostMethod = .fifo, currency: String = "INR") throws -> Portfolio {
    try .create(
        ownerID: owner, name: "Long term", baseCurrency: currency, costMethod: method.rawValue, at: moment)
}

func fund(currency: String = "INR") throws -> Instrument {
    try .create(
        ownerID: owner, type: "mutual_fund", name: "Fund", currency: currency, isin: nil, ticker: nil,
        amfiCode: "900001",
        at: moment)
}

/// `buy 2025-08-18 100 @ 90.0000 fee 1.00 tax 0.50`, the last two optional.
func trade(_ text: String, of instrument: Instrument, in portfolio: Portfolio) throws -> Transaction {
    let words = text.split(separator: " ").map(String.init)
    func charge(_ name: String) -> (String, String)? {
        words.firstIndex(of: name).map { (words[$0 + 1], instrument.currency.code) }
    }
    return try TransactionRequest(
        type: words[0], on: words[1], instrumentID: instrument.id.description, quantity: words[2], price: words[4],
        fee: charge("fee"), tax: charge("tax")
    ).checked().transaction(in: portfolio.id, of: instrument, at: moment)
}

func position(_ trades: [String], prices: [Price] = [], in portfolio: Portfolio, of instrument: Instrument) throws
    -> Position
{
    Position(
        instrument: instrument, transactions: try trades.map { try trade($0, of: instrument, in: portfolio) },
        prices: PriceHistory(prices))
}
