package import Chronology
package import Idempotency
import Money
package import PortfolioDomain
package import Validation

/// What became of a file of prices.
package struct PriceImportOutcome: Sendable {
    /// Rows of the file that hold a price.
    package let rows: Int
    package let counts: PriceImportCounts
    /// Rows that could not be read.
    package let rejected: Int
    /// The first of them.
    package let rejections: [NAVRejection]
}

/// Records and lists the prices of the caller's instruments.
package struct Prices: Sendable {
    /// Runs work that computes for long, away from the loop.
    package typealias Offload = @Sendable (@escaping @Sendable () throws -> NAVFile) async throws -> NAVFile

    private let store: any PortfolioStore
    private let clock: any WallClock
    private let offload: Offload

    package init(store: any PortfolioStore, clock: any WallClock, offload: @escaping Offload) {
        self.store = store
        self.clock = clock
        self.offload = offload
    }

    /// Records a price by hand.
    ///
    /// - Returns: nil where the caller has no such instrument.
    /// - Throws: `ValidationFailure` for what breaks a rule, else the store's error.
    package func add(
        caller: UUIDv7, instrument: String, on: String, price: String, receipt: (Price) throws -> IdempotencyReceipt?
    ) async throws -> Price? {
        let price = try Price.manual(on: on, price: price)
        guard let instrument = try? UUIDv7(parsing: instrument) else { return nil }
        do {
            try await store.record(price, of: instrument, owner: caller, at: clock.now(), receipt: receipt(price))
        } catch PortfolioStoreRefusal.unknownInstrument {
            return nil
        }
        return price
    }

    /// - Returns: nil where the caller has no such instrument.
    /// - Throws: `ValidationFailure` for `limit` or `cursor`, else the store's error.
    package func list(caller: UUIDv7, instrument: String, limit: Int64?, cursor: String?) async throws -> Page<Price>? {
        let page = try PageRequest.byDay(limit: limit, cursor: cursor) { validator, after in
            if Int(after.keys[1]) == nil { validator.failCursor() }
        }
        guard let id = try? UUIDv7(parsing: instrument), try await store.instrument(id, of: caller) != nil else {
            return nil
        }
        return try await store.prices(of: id, page)
    }

    /// Reads AMFI's list of net asset values for the caller's instruments. Reading it again changes nothing.
    ///
    /// - Throws: `ValidationFailure` where the format is unknown or the file is no such list, else the store's error.
    package func importFile(
        caller: UUIDv7, format: String, content: ArraySlice<UInt8>,
        receipt: @Sendable (PriceImportOutcome) throws -> IdempotencyReceipt?
    ) async throws -> PriceImportOutcome {
        guard format == "amfi" else {
            throw ValidationFailure(
                field: "format", code: format.isEmpty ? "required" : "unknown_value", message: "must be amfi")
        }
        let currency = try Currency(code: "INR")
        // Most of a list is about instruments that the caller has not: only what may be theirs is kept of it.
        let names = try await store.instrumentNames(of: caller, in: currency)
        let file: NAVFile
        do {
            file = try await offload { try NAVFile(reading: content, keeping: names.isNamed) }
        } catch let error as NAVFileError {
            throw ValidationFailure(
                field: "content", code: error.rawValue,
                message: error == .tooManyRows
                    ? "must have at most \(NAVFile.maximumRows) rows for the caller's instruments"
                    : "must be AMFI's list of net asset values")
        }
        let rows = file.rows.map { row in
            PriceRow(
                amfiCode: row.schemeCode, isins: row.isins,
                price: Price(on: row.on, price: row.netAssetValue, source: .amfi))
        }
        let outcome = { @Sendable (counts: PriceImportCounts) in
            PriceImportOutcome(
                rows: file.rowCount, counts: counts, rejected: file.rejectionCount, rejections: file.rejections)
        }
        return outcome(
            try await store.record(rows, currency: currency, owner: caller, at: clock.now()) {
                try receipt(outcome($0))
            })
    }
}
