package import Chronology
package import Idempotency
package import PortfolioDomain
package import Validation

/// Creates, lists and shows the caller's portfolios.
package struct Portfolios: Sendable {
    private let store: any PortfolioStore
    private let clock: any WallClock

    package init(store: any PortfolioStore, clock: any WallClock) {
        self.store = store
        self.clock = clock
    }

    /// - Throws: `ValidationFailure` for what breaks a rule, else the store's error.
    package func create(
        caller: UUIDv7, name: String, baseCurrency: String, costMethod: String?,
        receipt: (Portfolio) throws -> IdempotencyReceipt?
    ) async throws -> Portfolio {
        let portfolio = try Portfolio.create(
            ownerID: caller, name: name, baseCurrency: baseCurrency, costMethod: costMethod, at: clock.now())
        try await store.insert(portfolio, receipt: receipt(portfolio))
        return portfolio
    }

    /// - Throws: `ValidationFailure` for `limit` or `cursor`, else the store's error.
    package func list(caller: UUIDv7, limit: Int64?, cursor: String?) async throws -> Page<Portfolio> {
        try await store.portfolios(of: caller, .byIdentifier(limit: limit, cursor: cursor))
    }

    /// - Returns: nil where the caller has no such portfolio.
    package func find(caller: UUIDv7, id: String) async throws -> Portfolio? {
        guard let id = try? UUIDv7(parsing: id) else { return nil }
        return try await store.portfolio(id, of: caller)
    }
}

extension PageRequest {
    /// A page of a list in the order of identifiers.
    static func byIdentifier(limit: Int64?, cursor: String?) throws(ValidationFailure) -> PageRequest {
        var validator = Validator()
        let page = validator.page(limit: limit, cursor: cursor, keyCount: 1)
        if let after = page?.after { validator.requireIdentifier(after, key: 0) }
        return try validator.checked(page)
    }

    /// A page of a list in the order of days, then of something that `check` looks at.
    static func byDay(
        limit: Int64?, cursor: String?, _ check: (inout Validator, PageCursor) -> Void
    ) throws(ValidationFailure) -> PageRequest {
        var validator = Validator()
        let page = validator.page(limit: limit, cursor: cursor, keyCount: 2)
        if let after = page?.after {
            if CalendarDate(iso: after.keys[0]) == nil { validator.failCursor() } else { check(&validator, after) }
        }
        return try validator.checked(page)
    }
}

extension Validator {
    /// Notes a cursor whose key is no identifier.
    mutating func requireIdentifier(_ cursor: PageCursor, key: Int) {
        if (try? UUIDv7(parsing: cursor.keys[key])) == nil { failCursor() }
    }

    /// Notes a cursor that was not given out.
    mutating func failCursor() {
        fail("cursor", "invalid_cursor", "must be a next_cursor of this list")
    }
}
