package import Chronology
package import Idempotency
package import PortfolioDomain
package import Validation

/// Records and lists the transactions of the caller's portfolios.
package struct Transactions: Sendable {
    private let store: any PortfolioStore
    private let clock: any WallClock

    package init(store: any PortfolioStore, clock: any WallClock) {
        self.store = store
        self.clock = clock
    }

    /// - Returns: nil where the caller has no such portfolio.
    /// - Throws: `ValidationFailure` for what breaks a rule, else the store's error.
    package func create(
        caller: UUIDv7, portfolio: String, _ request: TransactionRequest,
        receipt: @Sendable (Transaction) throws -> IdempotencyReceipt?
    ) async throws -> Transaction? {
        let draft = try request.checked()
        guard let portfolio = try? UUIDv7(parsing: portfolio) else { return nil }
        let now = clock.now()
        do {
            return try await store.insert(
                in: portfolio, of: draft.instrumentID, owner: caller,
                make: { try draft.transaction(in: portfolio, of: $0, at: now) }, receipt: receipt)
        } catch PortfolioStoreRefusal.unknownPortfolio {
            return nil
        } catch PortfolioStoreRefusal.unknownInstrument {
            throw ValidationFailure(
                field: "instrument_id", code: "unknown_instrument", message: "must be an instrument of yours")
        } catch LotBookError.insufficientQuantity(_, let day, let held) {
            throw ValidationFailure(
                field: "quantity", code: "insufficient_quantity",
                message: "only \(held.normalized) are held on \(day) to cover every sale")
        } catch LotBookError.outOfRange {
            throw ValidationFailure(field: "quantity", code: "out_of_range", message: "the position grows too large")
        }
    }

    /// - Returns: nil where the caller has no such portfolio.
    /// - Throws: `ValidationFailure` for `limit` or `cursor`, else the store's error.
    package func list(
        caller: UUIDv7, portfolio: String, limit: Int64?, cursor: String?
    ) async throws -> Page<Transaction>? {
        let page = try PageRequest.byDay(limit: limit, cursor: cursor) { validator, after in
            validator.requireIdentifier(after, key: 1)
        }
        guard let id = try? UUIDv7(parsing: portfolio), try await store.portfolio(id, of: caller) != nil else {
            return nil
        }
        return try await store.transactions(of: id, page)
    }
}
