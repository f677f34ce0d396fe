package import Chronology
package import Money

/// What a portfolio gained over a range of days, in its base currency.
package struct Performance: Sendable, Hashable {
    package let from: CalendarDate
    package let to: CalendarDate
    package let currency: Currency
    /// Money in less money out, from the beginning until the end of `to`.
    package let invested: Figure<Decimal>
    /// The value at the end of `to`.
    package let value: Figure<Decimal>
    /// The value at the end of `to`, less that before `from`, less the money in between.
    package let gain: Figure<Decimal>
    /// What the sales of the range realised.
    package let realisedGain: Figure<Decimal>
    /// How much the gain that is not yet realised grew over the range.
    package let unrealisedGain: Figure<Decimal>
    /// Fees and taxes paid in the range.
    package let fees: Figure<Decimal>
    /// The money-weighted annual return, a fraction with six decimals.
    package let xirr: Figure<Decimal>
}

/// The performance of a portfolio from the start of `from` to the end of `to`.
///
/// The value at the end of the day before `from` enters as money in on `from`, the value at the end of `to` leaves as money
/// out; between them a purchase is money in, with its fees and taxes, and a sale is money out, less them.
package func performance(
    of positions: [Position], portfolio: Portfolio, from: CalendarDate, to: CalendarDate
) throws(LotBookError) -> Performance {
    let before = try Snapshot(positions, portfolio: portfolio, on: from.adding(days: -1))
    let after = try Snapshot(positions, portfolio: portfolio, on: to)
    let range = positions.flatMap(\.transactions).filter { from <= $0.on && $0.on <= to }.sorted(
        by: Transaction.precedes)
    let flows: [CashFlow]
    let fees: Decimal
    do {
        flows = try range.map { CashFlow(on: $0.on, amount: try $0.flow()) }
        fees = try Decimal.sum(range.map { try ($0.fee?.amount ?? .zero) + ($0.tax?.amount ?? .zero) })
    } catch {
        throw .outOfRange
    }
    let gain = after.gain.combined(with: before.gain) { try $0 - $1 }
    return Performance(
        from: from, to: to, currency: portfolio.baseCurrency, invested: after.invested, value: after.value, gain: gain,
        realisedGain: after.realised.combined(with: before.realised) { try $0 - $1 },
        unrealisedGain: after.unrealised.combined(with: before.unrealised) { try $0 - $1 },
        fees: after.hasRates ? .value(fees) : .unavailable(.rateUnavailable),
        xirr: moneyWeightedReturn(before: before.value, flows: flows, after: after.value, from: from, to: to))
}

private func moneyWeightedReturn(
    before: Figure<Decimal>, flows: [CashFlow], after: Figure<Decimal>, from: CalendarDate, to: CalendarDate
) -> Figure<Decimal> {
    switch (before, after) {
    case (.unavailable(let reason), _), (_, .unavailable(let reason)): return .unavailable(reason)
    case (.value(let opening), .value(let closing)):
        let all = [CashFlow(on: from, amount: -opening)] + flows + [CashFlow(on: to, amount: closing)]
        do {
            return .value(try xirr(all.filter { !$0.amount.isZero }))
        } catch {
            return .unavailable(error == .noRoot ? .noRoot : .noSignChange)
        }
    }
}

extension Transaction {
    /// What the transaction puts into its owner's pocket: below zero for a purchase.
    fileprivate func flow() throws(MoneyError) -> Decimal {
        let settled = try settlement()
        return type == .buy ? -settled : settled
    }
}

/// A portfolio at the end of a day, in its base currency.
private struct Snapshot {
    /// Whether every instrument traded until the day is in the base currency.
    let hasRates: Bool
    let value: Figure<Decimal>
    let invested: Figure<Decimal>
    let realised: Figure<Decimal>
    let unrealised: Figure<Decimal>

    /// Realised and unrealised together: value less what was invested.
    var gain: Figure<Decimal> { value.combined(with: invested) { try $0 - $1 } }

    init(_ positions: [Position], portfolio: Portfolio, on day: CalendarDate) throws(LotBookError) {
        var value = Figure<Decimal>.value(.zero)
        var (invested, realised, cost) = (Decimal.zero, Decimal.zero, Decimal.zero)
        var hasRates = true
        for position in positions {
            let traded = position.transactions.prefix { $0.on <= day }
            guard !traded.isEmpty else { continue }
            hasRates = hasRates && position.instrument.currency == portfolio.baseCurrency
            let book = try position.book(on: day, method: portfolio.costMethod)
            value = value.combined(with: position.value(of: book, on: day)) { try $0 + $1 }
            do {
                for transaction in traded { invested = try invested - transaction.flow() }
                realised = try realised + book.realisedGain()
                cost = try cost + book.cost
            } catch {
                throw .outOfRange
            }
        }
        self.hasRates = hasRates
        guard hasRates else {
            self.value = .unavailable(.rateUnavailable)
            self.invested = .unavailable(.rateUnavailable)
            self.realised = .unavailable(.rateUnavailable)
            unrealised = .unavailable(.rateUnavailable)
            return
        }
        self.value = value
        self.invested = .value(invested)
        self.realised = .value(realised)
        unrealised = value.combined(with: .value(cost)) { try $0 - $1 }
    }
}
