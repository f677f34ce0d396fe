package import Chronology
package import Money

/// Units that were bought together and are still held, in part or whole.
package struct Lot: Sendable, Hashable {
    /// The purchase that opened the lot.
    package let id: UUIDv7
    package let openedOn: CalendarDate
    /// What was bought.
    package let quantity: Decimal
    /// What is still held of it.
    package internal(set) var remaining: Decimal
    /// The cost of what is still held.
    package internal(set) var cost: Decimal
}

/// What a sale realised.
package struct Realisation: Sendable, Hashable {
    package let transactionID: UUIDv7
    package let on: CalendarDate
    /// The cost of the units sold.
    package let cost: Decimal
    /// What the sale yielded, after fees and taxes.
    package let proceeds: Decimal
    /// Proceeds less cost.
    package let gain: Decimal
}

/// Why a sequence of transactions cannot be.
package enum LotBookError: Error, Hashable {
    /// A sale of more than was held on its day.
    case insufficientQuantity(transactionID: UUIDv7, on: CalendarDate, held: Decimal)
    /// A sum that no 38 digits hold.
    case outOfRange
}

/// The lots of one instrument in one portfolio, from its transactions in order.
///
/// All amounts are in the instrument's currency. The cost of a lot is shared out exactly: each sale takes its part rounded
/// half to even to minor units, and the sale that empties a lot takes what is left, so the parts always add up to what was
/// paid.
package struct LotBook: Sendable {
    package let currency: Currency
    package let method: CostMethod
    /// What is held, oldest first.
    package private(set) var lots: [Lot] = []
    /// What was sold, in order.
    package private(set) var realisations: [Realisation] = []
    package private(set) var quantity: Decimal = .zero
    /// The cost basis of what is held.
    package private(set) var cost: Decimal = .zero

    package init(currency: Currency, method: CostMethod) {
        self.currency = currency
        self.method = method
    }

    /// The book after `transactions` of one instrument, in the order of `Transaction.precedes`.
    package init(
        currency: Currency, method: CostMethod, transactions: some Sequence<Transaction>
    ) throws(LotBookError) {
        self.init(currency: currency, method: method)
        for transaction in transactions { try record(transaction) }
    }

    /// The sum of what the sales realised.
    package func realisedGain() throws(MoneyError) -> Decimal {
        try Decimal.sum(realisations.map(\.gain))
    }

    /// Adds the next transaction.
    package mutating func record(_ transaction: Transaction) throws(LotBookError) {
        do {
            switch transaction.type {
            case .buy: try buy(transaction)
            case .sell: try sell(transaction)
            }
        } catch let error as LotBookError {
            throw error
        } catch {
            throw .outOfRange
        }
    }

    private mutating func buy(_ purchase: Transaction) throws {
        let paid = try purchase.settlement()
        quantity = try quantity + purchase.quantity
        cost = try cost + paid
        if method == .average, let pool = lots.first {
            lots[0] = Lot(
                id: pool.id, openedOn: pool.openedOn, quantity: try pool.quantity + purchase.quantity,
                remaining: quantity, cost: cost)
        } else {
            lots.append(
                Lot(
                    id: purchase.id, openedOn: purchase.on, quantity: purchase.quantity, remaining: purchase.quantity,
                    cost: paid))
        }
    }

    private mutating func sell(_ sale: Transaction) throws {
        guard sale.quantity <= quantity else {
            throw LotBookError.insufficientQuantity(transactionID: sale.id, on: sale.on, held: quantity)
        }
        var wanted = sale.quantity
        var costOfSale = Decimal.zero
        var emptied = 0
        for index in lots.indices where wanted.isPositive {
            let lot = lots[index]
            if wanted >= lot.remaining {
                costOfSale = try costOfSale + lot.cost
                wanted = try wanted - lot.remaining
                emptied += 1
            } else {
                let part = try lot.cost.multiplied(
                    by: wanted, dividedBy: lot.remaining, scale: currency.minorUnits, rounding: .halfEven)
                costOfSale = try costOfSale + part
                lots[index].remaining = try lot.remaining - wanted
                lots[index].cost = try lot.cost - part
                wanted = .zero
            }
        }
        lots.removeFirst(emptied)
        quantity = try quantity - sale.quantity
        cost = try cost - costOfSale
        let proceeds = try sale.settlement()
        realisations.append(
            Realisation(
                transactionID: sale.id, on: sale.on, cost: costOfSale, proceeds: proceeds,
                gain: try proceeds - costOfSale))
    }
}

extension Transaction {
    /// The order in which transactions take effect: by day, and on a day in the order they were recorded.
    package static func precedes(_ left: Transaction, _ right: Transaction) -> Bool {
        (left.on, left.id) < (right.on, right.id)
    }
}
