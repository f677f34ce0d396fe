package import Chronology
package import Idempotency
package import PortfolioDomain
package import Validation

/// What a client asks for, as it was written.
package struct InstrumentRequest: Sendable {
    package var type: String
    package var name: String
    package var currency: String
    package var isin: String?
    package var ticker: String?
    package var amfiCode: String?

    package init(
        type: String, name: String, currency: String, isin: String? = nil, ticker: String? = nil,
        amfiCode: String? = nil
    ) {
        self.type = type
        self.name = name
        self.currency = currency
        self.isin = isin
        self.ticker = ticker
        self.amfiCode = amfiCode
    }
}

/// Creates, lists and shows the caller's instruments.
package struct Instruments: Sendable {
    private let store: any PortfolioStore
    private let clock: any WallClock

    package init(store: any PortfolioStore, clock: any WallClock) {
        self.store = store
        self.clock = clock
    }

    /// - Throws: `ValidationFailure` for what breaks a rule, else the store's error.
    package func create(
        caller: UUIDv7, _ request: InstrumentRequest, receipt: (Instrument) throws -> IdempotencyReceipt?
    ) async throws -> Instrument {
        let instrument = try Instrument.create(
            ownerID: caller, type: request.type, name: request.name, currency: request.currency, isin: request.isin,
            ticker: request.ticker, amfiCode: request.amfiCode, at: clock.now())
        do {
            try await store.insert(instrument, receipt: receipt(instrument))
        } catch PortfolioStoreRefusal.instrumentExists {
            throw ValidationFailure(
                field: instrument.amfiCode == nil ? "isin" : "amfi_code", code: "already_exists",
                message: "must differ from your other instruments'")
        }
        return instrument
    }

    /// - Throws: `ValidationFailure` for `limit` or `cursor`, else the store's error.
    package func list(caller: UUIDv7, limit: Int64?, cursor: String?) async throws -> Page<Instrument> {
        try await store.instruments(of: caller, .byIdentifier(limit: limit, cursor: cursor))
    }

    /// - Returns: nil where the caller has no such instrument.
    package func find(caller: UUIDv7, id: String) async throws -> Instrument? {
        guard let id = try? UUIDv7(parsing: id) else { return nil }
        return try await store.instrument(id, of: caller)
    }
}
