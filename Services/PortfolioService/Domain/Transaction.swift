package import Chronology
package import Money
package import Validation

/// What a transaction does.
package enum TransactionType: String, Sendable, CaseIterable {
    case buy
    case sell
}

/// A purchase or a sale in a portfolio.
package struct Transaction: Sendable, Hashable {
    package let id: UUIDv7
    package let portfolioID: UUIDv7
    package let type: TransactionType
    package let on: CalendarDate
    package let instrumentID: UUIDv7
    package let quantity: Decimal
    /// Of one unit, in the instrument's currency.
    package let price: Decimal
    /// Quantity times price, rounded half to even to the currency's minor units.
    package let amount: Money
    package let fee: Money?
    package let tax: Money?
    package let note: String?
    package let externalID: String?
    package let version: Int64
    package let createdAt: Timestamp
    package let updatedAt: Timestamp

    package init(
        id: UUIDv7, portfolioID: UUIDv7, type: TransactionType, on: CalendarDate, instrumentID: UUIDv7,
        quantity: Decimal, price: Decimal, amount: Money, fee: Money?, tax: Money?, note: String?, externalID: String?,
        version: Int64, createdAt: Timestamp, updatedAt: Timestamp
    ) {
        self.id = id
        self.portfolioID = portfolioID
        self.type = type
        self.on = on
        self.instrumentID = instrumentID
        self.quantity = quantity
        self.price = price
        self.amount = amount
        self.fee = fee
        self.tax = tax
        self.note = note
        self.externalID = externalID
        self.version = version
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }

    /// What the transaction moves out of (purchase) or into (sale) its owner's pocket, always as an amount above zero: a
    /// purchase costs its fees and taxes too, a sale yields what they leave.
    package func settlement() throws(MoneyError) -> Decimal {
        let charges = try (fee?.amount ?? .zero) + (tax?.amount ?? .zero)
        switch type {
        case .buy: return try amount.amount + charges
        case .sell: return try amount.amount - charges
        }
    }
}

/// What a client asks to be recorded, as it was written.
package struct TransactionRequest: Sendable {
    package var type: String
    package var on: String
    package var instrumentID: String
    package var quantity: String
    package var price: String
    package var fee: (amount: String, currency: String)?
    package var tax: (amount: String, currency: String)?
    package var note: String?
    package var externalID: String?

    package init(
        type: String, on: String, instrumentID: String, quantity: String, price: String,
        fee: (amount: String, currency: String)? = nil, tax: (amount: String, currency: String)? = nil,
        note: String? = nil, externalID: String? = nil
    ) {
        self.type = type
        self.on = on
        self.instrumentID = instrumentID
        self.quantity = quantity
        self.price = price
        self.fee = fee
        self.tax = tax
        self.note = note
        self.externalID = externalID
    }

    /// Checks what needs no look-up: the draft has every field but what the instrument decides.
    ///
    /// - Throws: every field that breaks a rule.
    package func checked() throws(ValidationFailure) -> TransactionDraft {
        var validator = Validator()
        let type: TransactionType? = validator.choice("type", type)
        let on: CalendarDate? = validator.date("on", on)
        let instrumentID: UUIDv7? = validator.identifier("instrument_id", instrumentID)
        let quantity = validator.quantity("quantity", quantity)
        let price = validator.price("price", price)
        let fee = fee.flatMap { validator.money("fee", amount: $0.amount, currency: $0.currency, allowsZero: true) }
        let tax = tax.flatMap { validator.money("tax", amount: $0.amount, currency: $0.currency, allowsZero: true) }
        let note: String? = validator.text("note", note, maximum: 1000)
        let externalID: String? = validator.text("external_id", externalID, maximum: 200)
        return TransactionDraft(
            type: try validator.checked(type), on: try validator.checked(on),
            instrumentID: try validator.checked(instrumentID), quantity: try validator.checked(quantity),
            price: try validator.checked(price), fee: fee, tax: tax, note: note, externalID: externalID)
    }
}

/// A transaction whose fields hold by themselves; the instrument is still to be looked up.
package struct TransactionDraft: Sendable {
    package let type: TransactionType
    package let on: CalendarDate
    package let instrumentID: UUIDv7
    package let quantity: Decimal
    package let price: Decimal
    package let fee: Money?
    package let tax: Money?
    package let note: String?
    package let externalID: String?

    /// The transaction in `portfolioID`, for the instrument that was looked up.
    ///
    /// - Throws: `fee.currency` or `tax.currency` where they are not in the instrument's currency, and `price` where the
    ///   amount is out of the range of money or the charges eat up a sale.
    package func transaction(
        id: UUIDv7 = .make(), in portfolioID: UUIDv7, of instrument: Instrument, at now: Timestamp
    ) throws(ValidationFailure) -> Transaction {
        var validator = Validator()
        for (field, charge) in [("fee", fee), ("tax", tax)] {
            if let charge, charge.currency != instrument.currency {
                validator.fail(
                    "\(field).currency", "currency_mismatch",
                    "must be the instrument's currency, \(instrument.currency.code)")
            }
        }
        try validator.check()
        let amount: Money
        do {
            amount = try Money(
                quantity.multiplied(by: price, scale: instrument.currency.minorUnits, rounding: .halfEven),
                instrument.currency)
        } catch {
            throw ValidationFailure(field: "price", code: error.code.rawValue, message: "the amount is out of range")
        }
        let transaction = Transaction(
            id: id, portfolioID: portfolioID, type: type, on: on, instrumentID: instrumentID, quantity: quantity,
            price: price, amount: amount, fee: fee, tax: tax, note: note, externalID: externalID, version: 1,
            createdAt: now, updatedAt: now)
        guard let charges = try? (fee?.amount ?? .zero) + (tax?.amount ?? .zero),
            type == .buy || charges <= amount.amount
        else {
            throw ValidationFailure(
                field: "fee", code: "charges_exceed_amount", message: "fee and tax exceed the amount")
        }
        return transaction
    }
}
