import Chronology
import Messaging
import Money
import PortfolioDomain
import ServiceRuntime
import struct Contracts.EventFigure
import struct Contracts.EventMoney
import struct Contracts.InvestmentAddedV1
import struct Contracts.PerformanceCalculatedV1
import struct Contracts.PortfolioUpdatedV1
import struct Contracts.PriceUpdatedV1

/// Why the figures of a portfolio changed.
enum PortfolioChange: String {
    case created
    case transaction
    case price
}

/// The events of the portfolio context.
enum PortfolioEvents {
    private static let service = "portfolio"

    static func investmentAdded(_ transaction: Transaction, owner: UUIDv7) throws -> OutboxEvent {
        try OutboxEvent(
            InvestmentAddedV1(
                userID: owner.description, portfolioID: transaction.portfolioID.description,
                transactionID: transaction.id.description, instrumentID: transaction.instrumentID.description,
                type: transaction.type.rawValue, on: transaction.on.description,
                quantity: transaction.quantity.description, price: transaction.price.description,
                amount: EventMoney(
                    amount: transaction.amount.amount.description, currency: transaction.amount.currency.code),
                createdAt: transaction.createdAt.description), service: service, subject: transaction.id, user: owner,
            sequence: 1, time: transaction.createdAt)
    }

    /// - Parameter from: the first day whose figures change.
    static func updated(
        _ portfolio: UUIDv7, owner: UUIDv7, _ change: PortfolioChange, from: CalendarDate, sequence: Int64,
        at now: Timestamp
    ) throws -> OutboxEvent {
        try OutboxEvent(
            PortfolioUpdatedV1(
                userID: owner.description, portfolioID: portfolio.description, reason: change.rawValue,
                from: from.description, updatedAt: now.description), service: service, subject: portfolio, user: owner,
            sequence: sequence, time: now)
    }

    static func priceUpdated(
        _ price: Price, of instrument: UUIDv7, currency: String, owner: UUIDv7, sequence: Int64, at now: Timestamp
    ) throws -> OutboxEvent {
        try OutboxEvent(
            PriceUpdatedV1(
                userID: owner.description, instrumentID: instrument.description, on: price.on.description,
                price: price.price.description, currency: currency, source: price.source.rawValue,
                updatedAt: now.description), service: service, subject: instrument, user: owner, sequence: sequence,
            time: now)
    }

    static func performanceCalculated(
        _ performance: Performance, of portfolio: Portfolio, sequence: Int64, at now: Timestamp
    ) throws -> OutboxEvent {
        try OutboxEvent(
            PerformanceCalculatedV1(
                userID: portfolio.ownerID.description, portfolioID: portfolio.id.description,
                from: performance.from.description, to: performance.to.description,
                currency: performance.currency.code, invested: EventFigure(performance.invested),
                value: EventFigure(performance.value), realisedGain: EventFigure(performance.realisedGain),
                unrealisedGain: EventFigure(performance.unrealisedGain), xirr: EventFigure(performance.xirr),
                calculatedAt: now.description), service: service, subject: portfolio.id, user: portfolio.ownerID,
            sequence: sequence, time: now)
    }
}

extension EventFigure {
    init(_ figure: Figure<Decimal>) {
        switch figure {
        case .value(let value): self.init(value: value.description)
        case .unavailable(let reason): self.init(unavailable: reason.rawValue)
        }
    }
}
