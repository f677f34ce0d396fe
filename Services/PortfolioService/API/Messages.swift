import Contracts
import PortfolioApplication
import PortfolioDomain
import struct Money.Currency
import struct Money.Decimal

// Requests of the contract become requests of the domain, and values of the domain become answers.

extension TransactionRequest {
    init(_ message: CreateTransactionRequest) {
        self.init(
            type: message.type, on: message.on, instrumentID: message.instrumentID, quantity: message.quantity,
            price: message.price, fee: message.fee.map { ($0.amount, $0.currency) },
            tax: message.tax.map { ($0.amount, $0.currency) }, note: message.note, externalID: message.externalID)
    }
}

extension Contracts.Money {
    init(_ money: Money::Money) {
        self.init(amount: money.amount.description, currency: money.currency.code)
    }
}

extension Unavailable {
    init(_ reason: UnavailableReason) {
        self.init(reason: reason.rawValue, detail: reason.detail)
    }
}

extension MoneyFigure {
    init(_ figure: PortfolioDomain.Figure<Decimal>, _ currency: Currency) {
        switch figure {
        case .value(let amount): self.init(value: Contracts.Money(amount, currency))
        case .unavailable(let reason): self.init(unavailable: Unavailable(reason))
        }
    }

}

extension Contracts.Money {
    /// An amount that was computed at the currency's minor units, or is exact at fewer decimals; one too large to be
    /// written with more decimals stays as it is.
    init(_ amount: Decimal, _ currency: Currency) {
        let scaled = (try? amount.rounded(scale: currency.minorUnits)) ?? amount
        self.init(amount: scaled.description, currency: currency.code)
    }
}

extension Contracts.Figure {
    init(_ figure: PortfolioDomain.Figure<Decimal>) {
        switch figure {
        case .value(let value): self.init(value: value.description)
        case .unavailable(let reason): self.init(unavailable: Unavailable(reason))
        }
    }
}

extension Contracts.Portfolio {
    init(_ portfolio: PortfolioDomain.Portfolio) {
        self.init(
            id: portfolio.id.description, name: portfolio.name, baseCurrency: portfolio.baseCurrency.code,
            costMethod: portfolio.costMethod.rawValue, version: portfolio.version,
            createdAt: portfolio.createdAt.description, updatedAt: portfolio.updatedAt.description)
    }
}

extension Contracts.Instrument {
    init(_ instrument: PortfolioDomain.Instrument) {
        self.init(
            id: instrument.id.description, type: instrument.type.rawValue, name: instrument.name,
            currency: instrument.currency.code, isin: instrument.isin, ticker: instrument.ticker,
            amfiCode: instrument.amfiCode, version: instrument.version, createdAt: instrument.createdAt.description,
            updatedAt: instrument.updatedAt.description)
    }
}

extension Contracts.Price {
    init(_ price: PortfolioDomain.Price) {
        self.init(on: price.on.description, price: price.price.description, source: price.source.rawValue)
    }
}

extension PriceImport {
    init(_ outcome: PriceImportOutcome) {
        self.init(
            rows: Int64(outcome.rows), matched: Int64(outcome.counts.matched), created: Int64(outcome.counts.created),
            duplicate: Int64(outcome.counts.matched - outcome.counts.created),
            rejected: Int64(outcome.rejected),
            errors: outcome.rejections.map { rejection in
                RejectedRow(
                    line: Int64(rejection.line), code: rejection.code.rawValue,
                    message: "the row cannot be read as a price")
            })
    }
}

extension Contracts.Transaction {
    init(_ transaction: PortfolioDomain.Transaction) {
        self.init(
            id: transaction.id.description, portfolioID: transaction.portfolioID.description,
            type: transaction.type.rawValue, on: transaction.on.description,
            instrumentID: transaction.instrumentID.description, quantity: transaction.quantity.description,
            price: transaction.price.description, amount: Contracts.Money(transaction.amount),
            fee: transaction.fee.map(Contracts.Money.init(_:)), tax: transaction.tax.map(Contracts.Money.init(_:)),
            note: transaction.note, externalID: transaction.externalID, version: transaction.version,
            createdAt: transaction.createdAt.description, updatedAt: transaction.updatedAt.description)
    }
}

extension Contracts.Holding {
    init(_ holding: PortfolioDomain.Holding) {
        let currency = holding.currency
        let price: Contracts.Figure =
            holding.price.map { Contracts.Figure(value: $0.price.description) }
            ?? Contracts.Figure(unavailable: Unavailable(.noPrice))
        self.init(
            instrumentID: holding.instrumentID.description, quantity: holding.quantity.description,
            cost: Contracts.Money(holding.cost, currency), value: MoneyFigure(holding.value, currency),
            unrealisedGain: MoneyFigure(holding.unrealisedGain, currency),
            realisedGain: MoneyFigure(.value(holding.realisedGain), currency), price: price,
            priceOn: holding.price?.on.description, weight: Contracts.Figure(holding.weight))
    }
}

extension Contracts.Performance {
    init(_ performance: PortfolioDomain.Performance) {
        let currency = performance.currency
        self.init(
            from: performance.from.description, to: performance.to.description, currency: currency.code,
            invested: MoneyFigure(performance.invested, currency), value: MoneyFigure(performance.value, currency),
            gain: Gain(
                total: MoneyFigure(performance.gain, currency),
                realised: MoneyFigure(performance.realisedGain, currency),
                unrealised: MoneyFigure(performance.unrealisedGain, currency),
                fees: MoneyFigure(performance.fees, currency)), xirr: Contracts.Figure(performance.xirr))
    }
}
