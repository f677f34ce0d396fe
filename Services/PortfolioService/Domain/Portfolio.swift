package import Chronology
package import Money
package import Validation

/// How the cost of a sale is found.
package enum CostMethod: String, Sendable, CaseIterable {
    /// The units bought first are sold first.
    case fifo
    /// Every unit costs the average of what is held.
    case average
}

/// A set of investments that is valued and measured together.
package struct Portfolio: Sendable, Hashable {
    package let id: UUIDv7
    package let ownerID: UUIDv7
    package let name: String
    /// The currency of the portfolio's figures.
    package let baseCurrency: Currency
    package let costMethod: CostMethod
    /// Counts the changes of the portfolio itself, from 1.
    package let version: Int64
    package let createdAt: Timestamp
    package let updatedAt: Timestamp

    package init(
        id: UUIDv7, ownerID: UUIDv7, name: String, baseCurrency: Currency, costMethod: CostMethod, version: Int64,
        createdAt: Timestamp, updatedAt: Timestamp
    ) {
        self.id = id
        self.ownerID = ownerID
        self.name = name
        self.baseCurrency = baseCurrency
        self.costMethod = costMethod
        self.version = version
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }

    /// Checks what a client asks for and makes the portfolio.
    ///
    /// - Throws: the fields `name`, `base_currency`, `cost_method` that break a rule.
    package static func create(
        id: UUIDv7 = .make(), ownerID: UUIDv7, name: String, baseCurrency: String, costMethod: String?,
        at now: Timestamp
    ) throws(ValidationFailure) -> Portfolio {
        var validator = Validator()
        let name: String? = validator.text("name", name, maximum: 100)
        let currency: Currency? = validator.currency("base_currency", baseCurrency)
        let method: CostMethod? = validator.choice("cost_method", costMethod ?? CostMethod.fifo.rawValue)
        return Portfolio(
            id: id, ownerID: ownerID, name: try validator.checked(name), baseCurrency: try validator.checked(currency),
            costMethod: try validator.checked(method), version: 1, createdAt: now, updatedAt: now)
    }
}
