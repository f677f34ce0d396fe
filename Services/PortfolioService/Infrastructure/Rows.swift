import Chronology
import Money
import PortfolioDomain
import Postgres

// Rows become domain values here, and nowhere else.

extension Portfolio {
    static let columns: PostgresQuery =
        "id, owner_id, name, base_currency, cost_method, version, created_at, updated_at"

    init(_ row: PostgresRow) throws {
        let (id, owner, name, currency, method, version, created, updated) = try row.decode(
            UUIDv7.self, UUIDv7.self, String.self, String.self, CostMethod.self, Int64.self, Timestamp.self,
            Timestamp.self)
        self.init(
            id: id, ownerID: owner, name: name, baseCurrency: try Currency(code: currency), costMethod: method,
            version: version, createdAt: created, updatedAt: updated)
    }
}

extension Instrument {
    static let columns: PostgresQuery =
        "id, owner_id, type, name, currency, isin, ticker, amfi_code, version, created_at, updated_at"

    init(_ row: PostgresRow) throws {
        let (id, owner, type, name, currency, isin, ticker, amfi, version, created, updated) = try row.decode(
            UUIDv7.self, UUIDv7.self, InstrumentType.self, String.self, String.self, String?.self, String?.self,
            String?.self,
            Int64.self, Timestamp.self, Timestamp.self)
        self.init(
            id: id, ownerID: owner, type: type, name: name, currency: try Currency(code: currency), isin: isin,
            ticker: ticker, amfiCode: amfi, version: version, createdAt: created, updatedAt: updated)
    }
}

extension Transaction {
    static let columns: PostgresQuery = """
        id, portfolio_id, type, on_day, instrument_id, quantity, price, amount, currency, fee, tax, note, external_id,
        version, created_at, updated_at
        """

    init(_ row: PostgresRow) throws {
        let (id, portfolio, type, day, instrument, quantity, price, amount, code) = try row.decode(
            UUIDv7.self, UUIDv7.self, TransactionType.self, CalendarDate.self, UUIDv7.self, Decimal.self, Decimal.self,
            Decimal.self, String.self)
        let currency = try Currency(code: code)
        self.init(
            id: id, portfolioID: portfolio, type: type, on: day, instrumentID: instrument, quantity: quantity,
            price: price, amount: try Money(amount, currency),
            fee: try row.decode(Decimal?.self, at: 9).map { try Money($0, currency) },
            tax: try row.decode(Decimal?.self, at: 10).map { try Money($0, currency) },
            note: try row.decode(String?.self, at: 11), externalID: try row.decode(String?.self, at: 12),
            version: try row.decode(Int64.self, at: 13), createdAt: try row.decode(Timestamp.self, at: 14),
            updatedAt: try row.decode(Timestamp.self, at: 15))
    }
}

extension Price {
    static let columns: PostgresQuery = "on_day, price, source"

    init(_ row: PostgresRow, at column: Int = 0) throws {
        self.init(
            on: try row.decode(CalendarDate.self, at: column), price: try row.decode(Decimal.self, at: column + 1),
            source: try row.decode(PriceSource.self, at: column + 2))
    }
}

extension CostMethod: PostgresDecodable {}
extension InstrumentType: PostgresDecodable {}
extension PriceSource: PostgresDecodable {}
extension TransactionType: PostgresDecodable {}
