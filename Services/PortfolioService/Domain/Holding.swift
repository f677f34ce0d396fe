package import Chronology
package import Money

/// Everything that one portfolio's figures for one instrument are made from.
package struct Position: Sendable {
    package let instrument: Instrument
    /// In the order of `Transaction.precedes`.
    package let transactions: [Transaction]
    package let prices: PriceHistory

    package init(instrument: Instrument, transactions: [Transaction], prices: PriceHistory) {
        self.instrument = instrument
        self.transactions = transactions.sorted(by: Transaction.precedes)
        self.prices = prices
    }

    /// The lots at the end of `day`.
    package func book(on day: CalendarDate, method: CostMethod) throws(LotBookError) -> LotBook {
        try LotBook(
            currency: instrument.currency, method: method, transactions: transactions.prefix { $0.on <= day })
    }

    /// What the units of `book` are worth on `day`, rounded half to even to minor units; nothing held is worth zero.
    package func value(of book: LotBook, on day: CalendarDate) -> Figure<Decimal> {
        guard book.quantity.isPositive else { return .value(.zero) }
        guard let price = prices.price(on: day) else { return .unavailable(.noPrice) }
        do {
            return .value(
                try book.quantity.multiplied(
                    by: price.price, scale: instrument.currency.minorUnits, rounding: .halfEven))
        } catch {
            return .unavailable(.outOfRange)
        }
    }
}

/// One instrument of a portfolio on a day. Amounts are in the instrument's currency.
package struct Holding: Sendable, Hashable {
    package let instrumentID: UUIDv7
    package let currency: Currency
    package let quantity: Decimal
    /// The cost basis of what is held.
    package let cost: Decimal
    package let value: Figure<Decimal>
    /// Value less cost.
    package let unrealisedGain: Figure<Decimal>
    /// What the sales until the day realised.
    package let realisedGain: Decimal
    package let price: Price?
    /// Share of the portfolio's value, a fraction with six decimals.
    package let weight: Figure<Decimal>
}

/// The holdings of a portfolio at the end of `day`, those of nothing left out; in the order of `positions`.
package func holdings(
    of positions: [Position], portfolio: Portfolio, on day: CalendarDate
) throws(LotBookError) -> [Holding] {
    var entries: [(position: Position, book: LotBook, value: Figure<Decimal>)] = []
    for position in positions {
        let book = try position.book(on: day, method: portfolio.costMethod)
        guard book.quantity.isPositive else { continue }
        entries.append((position, book, position.value(of: book, on: day)))
    }
    let total = entries.reduce(Figure<Decimal>.value(.zero)) { sum, entry in
        guard entry.position.instrument.currency == portfolio.baseCurrency else {
            return .unavailable(.rateUnavailable)
        }
        return sum.combined(with: entry.value) { try $0 + $1 }
    }
    do {
        return try entries.map { entry in
            Holding(
                instrumentID: entry.position.instrument.id, currency: entry.position.instrument.currency,
                quantity: entry.book.quantity.normalized, cost: entry.book.cost, value: entry.value,
                unrealisedGain: entry.value.combined(with: .value(entry.book.cost)) { try $0 - $1 },
                realisedGain: try entry.book.realisedGain(), price: entry.position.prices.price(on: day),
                weight: share(of: entry.value, in: total))
        }
    } catch {
        throw .outOfRange
    }
}

private func share(of value: Figure<Decimal>, in total: Figure<Decimal>) -> Figure<Decimal> {
    if total.value?.isZero == true { return .unavailable(.zeroValue) }
    return value.combined(with: total) { try $0.divided(by: $1, scale: 6, rounding: .halfEven) }
}
