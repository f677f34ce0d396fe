package import Chronology
package import Idempotency
package import Money
package import PortfolioDomain
package import Validation

/// Why a change was refused by what is stored.
package enum PortfolioStoreRefusal: Error, Hashable {
    case unknownPortfolio
    case unknownInstrument
    /// The user has an instrument with this AMFI code or ISIN already.
    case instrumentExists
}

/// A price for the instrument that a file names.
package struct PriceRow: Sendable, Hashable {
    package let amfiCode: String
    package let isins: [String]
    package let price: Price

    package init(amfiCode: String, isins: [String], price: Price) {
        self.amfiCode = amfiCode
        self.isins = isins
        self.price = price
    }
}

/// What a file may name a user's instruments by.
package struct InstrumentNames: Sendable, Hashable {
    package let amfiCodes: Set<String>
    package let isins: Set<String>

    package init(amfiCodes: Set<String>, isins: Set<String>) {
        self.amfiCodes = amfiCodes
        self.isins = isins
    }

    /// Whether a row is about one of them.
    package func isNamed(by row: NAVRow) -> Bool {
        amfiCodes.contains(row.schemeCode) || row.isins.contains { isins.contains($0) }
    }
}

/// What became of the rows of a file.
package struct PriceImportCounts: Sendable, Hashable {
    /// Rows for an instrument of the user.
    package let matched: Int
    /// Prices that were not there, or differed.
    package let created: Int

    package init(matched: Int, created: Int) {
        self.matched = matched
        self.created = created
    }
}

/// Where the facts of the portfolio context are kept.
///
/// Every change is one transaction with its events and its receipt. Besides the refusals each method throws the store's own
/// error; retriable ones mean that it is away. Users see their own data only: what is another's does not exist.
package protocol PortfolioStore: Sendable {
    func insert(_ portfolio: Portfolio, receipt: IdempotencyReceipt?) async throws
    /// The cursor's only key: id.
    func portfolios(of owner: UUIDv7, _ page: PageRequest) async throws -> Page<Portfolio>
    func portfolio(_ id: UUIDv7, of owner: UUIDv7) async throws -> Portfolio?

    /// - Throws: `instrumentExists`.
    func insert(_ instrument: Instrument, receipt: IdempotencyReceipt?) async throws
    /// The cursor's only key: id.
    func instruments(of owner: UUIDv7, _ page: PageRequest) async throws -> Page<Instrument>
    func instrument(_ id: UUIDv7, of owner: UUIDv7) async throws -> Instrument?

    /// Newest first, the strongest source of a day first; the cursor's keys: day, strength of the source.
    func prices(of instrument: UUIDv7, _ page: PageRequest) async throws -> Page<Price>
    /// Records a price, and emits what changed.
    ///
    /// - Throws: `unknownInstrument`.
    func record(
        _ price: Price, of instrument: UUIDv7, owner: UUIDv7, at now: Timestamp, receipt: IdempotencyReceipt?
    ) async throws
    /// What the rows of a file are matched with: the names of a user's instruments in one currency.
    func instrumentNames(of owner: UUIDv7, in currency: Currency) async throws -> InstrumentNames
    /// Records the prices of a file for the user's instruments in one currency, found by AMFI code, else by ISIN.
    func record(
        _ rows: [PriceRow], currency: Currency, owner: UUIDv7, at now: Timestamp,
        receipt: @Sendable (PriceImportCounts) throws -> IdempotencyReceipt?
    ) async throws -> PriceImportCounts

    /// Makes a transaction and inserts it, with nobody else changing the portfolio meanwhile.
    ///
    /// - Parameters:
    ///   - make: makes the transaction for the instrument that was looked up; its errors refuse the change.
    ///   - receipt: of the transaction that was made.
    /// - Throws: `unknownPortfolio`, `unknownInstrument`; `LotBookError` where some sale would not be covered.
    func insert(
        in portfolio: UUIDv7, of instrument: UUIDv7, owner: UUIDv7, make: @Sendable (Instrument) throws -> Transaction,
        receipt: @Sendable (Transaction) throws -> IdempotencyReceipt?
    ) async throws -> Transaction
    /// Newest first; the cursor's keys: day, id.
    func transactions(of portfolio: UUIDv7, _ page: PageRequest) async throws -> Page<Transaction>

    /// Everything that figures need, with the prices that count on the given days; nil where the user has no such portfolio.
    func positions(
        of portfolio: UUIDv7, owner: UUIDv7, pricesOn days: [CalendarDate]
    ) async throws -> (portfolio: Portfolio, positions: [Position])?
}
