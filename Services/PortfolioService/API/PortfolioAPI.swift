package import Contracts
package import GRPC
package import Observability
package import PortfolioApplication
package import ServiceRuntime
import PortfolioDomain

/// `florin.portfolio.v1.PortfolioService` over the use cases.
package struct PortfolioAPI: PortfolioServiceProvider {
    private let portfolios: Portfolios
    private let instruments: Instruments
    private let prices: Prices
    private let transactions: Transactions
    private let figures: Figures
    private let idempotent: IdempotentCalls
    private let logger: Logger

    package init(
        portfolios: Portfolios, instruments: Instruments, prices: Prices, transactions: Transactions, figures: Figures,
        idempotent: IdempotentCalls, logger: Logger
    ) {
        self.portfolios = portfolios
        self.instruments = instruments
        self.prices = prices
        self.transactions = transactions
        self.figures = figures
        self.idempotent = idempotent
        self.logger = logger
    }

    // MARK: Portfolios

    package func listPortfolios(_ request: ListPortfoliosRequest, context: ServerContext) async throws -> PortfolioList
    {
        try await answer(context) { caller in
            let page = try await portfolios.list(caller: caller.userID, limit: request.limit, cursor: request.cursor)
            return PortfolioList(data: page.items.map(Contracts.Portfolio.init(_:)), nextCursor: page.next?.text)
        }
    }

    package func createPortfolio(
        _ request: CreatePortfolioRequest, context: ServerContext
    ) async throws -> Contracts.Portfolio {
        try await answer(context) { caller in
            try await idempotent.perform(caller: caller, context: context) { receipt in
                let portfolio = try await portfolios.create(
                    caller: caller.userID, name: request.name, baseCurrency: request.baseCurrency,
                    costMethod: request.costMethod
                ) { try receipt(Contracts.Portfolio($0)) }
                return Contracts.Portfolio(portfolio)
            }
        }
    }

    package func getPortfolio(_ request: GetPortfolioRequest, context: ServerContext) async throws
        -> Contracts.Portfolio
    {
        try await answer(context) { caller in
            let portfolio = try await portfolios.find(caller: caller.userID, id: request.id)
            return Contracts.Portfolio(try found(portfolio))
        }
    }

    // MARK: Instruments and prices

    package func listInstruments(
        _ request: ListInstrumentsRequest, context: ServerContext
    ) async throws -> InstrumentList {
        try await answer(context) { caller in
            let page = try await instruments.list(caller: caller.userID, limit: request.limit, cursor: request.cursor)
            return InstrumentList(data: page.items.map(Contracts.Instrument.init(_:)), nextCursor: page.next?.text)
        }
    }

    package func createInstrument(
        _ request: CreateInstrumentRequest, context: ServerContext
    ) async throws -> Contracts.Instrument {
        try await answer(context) { caller in
            try await idempotent.perform(caller: caller, context: context) { receipt in
                let asked = InstrumentRequest(
                    type: request.type, name: request.name, currency: request.currency, isin: request.isin,
                    ticker: request.ticker, amfiCode: request.amfiCode)
                let instrument = try await instruments.create(caller: caller.userID, asked) {
                    try receipt(Contracts.Instrument($0))
                }
                return Contracts.Instrument(instrument)
            }
        }
    }

    package func getInstrument(
        _ request: GetInstrumentRequest, context: ServerContext
    ) async throws -> Contracts.Instrument {
        try await answer(context) { caller in
            let instrument = try await instruments.find(caller: caller.userID, id: request.id)
            return Contracts.Instrument(try found(instrument))
        }
    }

    package func listPrices(_ request: ListPricesRequest, context: ServerContext) async throws -> PriceList {
        try await answer(context) { caller in
            let page = try await found(
                prices.list(
                    caller: caller.userID, instrument: request.id, limit: request.limit, cursor: request.cursor))
            return PriceList(data: page.items.map(Contracts.Price.init(_:)), nextCursor: page.next?.text)
        }
    }

    package func addPrice(_ request: AddPriceRequest, context: ServerContext) async throws -> Contracts.Price {
        try await answer(context) { caller in
            try await idempotent.perform(caller: caller, context: context) { receipt in
                let price = try await prices.add(
                    caller: caller.userID, instrument: request.id, on: request.on, price: request.price
                ) { try receipt(Contracts.Price($0)) }
                return Contracts.Price(try found(price))
            }
        }
    }

    package func importPrices(_ request: ImportPricesRequest, context: ServerContext) async throws -> PriceImport {
        try await answer(context) { caller in
            try await idempotent.perform(caller: caller, context: context) { receipt in
                let outcome = try await prices.importFile(
                    caller: caller.userID, format: request.format, content: request.content
                ) { try receipt(PriceImport($0)) }
                return PriceImport(outcome)
            }
        }
    }

    // MARK: Transactions and figures

    package func createTransaction(
        _ request: CreateTransactionRequest, context: ServerContext
    ) async throws -> Contracts.Transaction {
        try await answer(context) { caller in
            try await idempotent.perform(caller: caller, context: context) { receipt in
                let transaction = try await transactions.create(
                    caller: caller.userID, portfolio: request.portfolioID, TransactionRequest(request)
                ) { try receipt(Contracts.Transaction($0)) }
                return Contracts.Transaction(try found(transaction))
            }
        }
    }

    package func listTransactions(
        _ request: ListTransactionsRequest, context: ServerContext
    ) async throws -> TransactionList {
        try await answer(context) { caller in
            let page = try await found(
                transactions.list(
                    caller: caller.userID, portfolio: request.portfolioID, limit: request.limit, cursor: request.cursor)
            )
            return TransactionList(data: page.items.map(Contracts.Transaction.init(_:)), nextCursor: page.next?.text)
        }
    }

    package func getHoldings(_ request: GetHoldingsRequest, context: ServerContext) async throws -> HoldingList {
        try await answer(context) { caller in
            let held = try await found(
                figures.holdings(caller: caller.userID, portfolio: request.portfolioID, on: request.on))
            return HoldingList(on: held.on.description, data: held.holdings.map(Contracts.Holding.init(_:)))
        }
    }

    package func getPerformance(
        _ request: GetPerformanceRequest, context: ServerContext
    ) async throws -> Contracts.Performance {
        try await answer(context) { caller in
            let performance = try await figures.performance(
                caller: caller.userID, portfolio: request.portfolioID, from: request.from, to: request.to)
            return Contracts.Performance(try found(performance))
        }
    }

    // MARK: -

    private func answer<Answer>(_ context: ServerContext, _ body: (Caller) async throws -> Answer) async throws
        -> Answer
    {
        try await context.answer(logger: logger) { try await body(Caller(context.metadata)) }
    }

    private func found<Resource>(_ resource: Resource?) throws -> Resource {
        guard let resource else { throw ProblemDetails.notFound() }
        return resource
    }
}
