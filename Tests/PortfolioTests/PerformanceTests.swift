import Chronology
import Money
import PortfolioDomain
import Testing

@Suite struct PerformanceTests {
    static let trades = [
        "buy 2025-08-18 100 @ 90.0000", "buy 2026-01-15 50 @ 98.5000", "buy 2026-05-20 50 @ 101.2500",
        "sell 2026-07-10 80 @ 104.0000",
    ]
    static let prices = [
        Price(on: day("2025-12-31"), price: decimal("95"), source: .amfi),
        Price(on: day("2026-08-21"), price: decimal("106.8821"), source: .amfi),
    ]

    @Test func sinceTheBeginning() throws {
        let portfolio = try portfolio()
        let position = try position(Self.trades, prices: Self.prices, in: portfolio, of: try fund())
        let figures = try performance(
            of: [position], portfolio: portfolio, from: day("2025-08-18"), to: day("2026-08-21"))
        #expect(figures.invested.value == decimal("10667.50"))
        #expect(figures.value.value == decimal("12825.85"))
        #expect(figures.gain.value == decimal("2158.35"))
        #expect(figures.realisedGain.value == decimal("1120.00"))
        #expect(figures.unrealisedGain.value == decimal("1038.35"))
        #expect(figures.fees.value == .zero)
        // Computed independently by bisection: 0.17622063472627192.
        #expect(figures.xirr.value?.description == "0.176221")
    }

    /// A range that begins in the middle starts from what was held then, at the price of the day before.
    @Test func rangeWithAnOpeningValue() throws {
        let portfolio = try portfolio()
        let position = try position(Self.trades, prices: Self.prices, in: portfolio, of: try fund())
        let figures = try performance(
            of: [position], portfolio: portfolio, from: day("2026-01-01"), to: day("2026-08-21"))
        // 12825.85 − 100 × 95 − (4925 + 5062.50 − 8320)
        #expect(figures.gain.value == decimal("1658.35"))
        #expect(figures.realisedGain.value == decimal("1120.00"))
        #expect(figures.unrealisedGain.value == decimal("538.35"))
    }

    @Test func realisedAndUnrealisedMakeUpTheGain() throws {
        let portfolio = try portfolio(.average)
        let trades = Self.trades.map { $0 + " fee 12.34 tax 0.66" }
        let position = try position(trades, prices: Self.prices, in: portfolio, of: try fund())
        let figures = try performance(
            of: [position], portfolio: portfolio, from: day("2025-08-18"), to: day("2026-08-21"))
        let realised = try #require(figures.realisedGain.value)
        let unrealised = try #require(figures.unrealisedGain.value)
        #expect(try realised + unrealised == figures.gain.value)
        #expect(figures.fees.value == decimal("52.00"))
    }

    @Test func aMissingPriceIsNotZero() throws {
        let portfolio = try portfolio()
        let position = try position(["buy 2026-01-15 50 @ 98.5000"], in: portfolio, of: try fund())
        let figures = try performance(
            of: [position], portfolio: portfolio, from: day("2026-01-15"), to: day("2026-08-21"))
        #expect(figures.invested.value == decimal("4925.00"))
        #expect(figures.value == .unavailable(.noPrice))
        #expect(figures.gain == .unavailable(.noPrice))
        #expect(figures.xirr == .unavailable(.noPrice))
        let held = try holdings(of: [position], portfolio: portfolio, on: day("2026-08-21"))
        #expect(held.map(\.value) == [.unavailable(.noPrice)])
        #expect(held.map(\.weight) == [.unavailable(.noPrice)])
    }

    @Test func anotherCurrencyNeedsARate() throws {
        let portfolio = try portfolio(currency: "EUR")
        let position = try position(Self.trades, prices: Self.prices, in: portfolio, of: try fund())
        let figures = try performance(
            of: [position], portfolio: portfolio, from: day("2025-08-18"), to: day("2026-08-21"))
        #expect(figures.value == .unavailable(.rateUnavailable))
        #expect(figures.invested == .unavailable(.rateUnavailable))
        let held = try holdings(of: [position], portfolio: portfolio, on: day("2026-08-21"))
        #expect(held.map(\.value.value) == [decimal("12825.85")])
        #expect(held.map(\.weight) == [.unavailable(.rateUnavailable)])
    }

    @Test func anEmptyPortfolioHasNoReturn() throws {
        let figures = try performance(
            of: [], portfolio: try portfolio(), from: day("2026-01-01"), to: day("2026-08-21"))
        #expect(figures.value.value == .zero)
        #expect(figures.xirr == .unavailable(.noSignChange))
    }

    @Test func weightsAreShares() throws {
        let portfolio = try portfolio()
        let funds = [try fund(), try fund(), try fund()]
        let positions = try funds.map {
            try position(["buy 2026-01-01 1 @ 10"], prices: Self.prices, in: portfolio, of: $0)
        }
        let held = try holdings(of: positions, portfolio: portfolio, on: day("2026-08-21"))
        #expect(held.map(\.weight.value?.description) == ["0.333333", "0.333333", "0.333333"])
    }
}

@Suite struct PriceHistoryTests {
    @Test func theStrongestPriceOfADayCounts() {
        let history = PriceHistory([
            Price(on: day("2026-01-02"), price: decimal("3"), source: .manual),
            Price(on: day("2026-01-02"), price: decimal("1"), source: .trade),
            Price(on: day("2026-01-02"), price: decimal("2"), source: .amfi),
            Price(on: day("2026-01-05"), price: decimal("5"), source: .trade),
        ])
        #expect(history.price(on: day("2026-01-01")) == nil)
        #expect(history.price(on: day("2026-01-02"))?.price == decimal("3"))
        #expect(history.price(on: day("2026-01-04"))?.on == day("2026-01-02"))
        #expect(history.price(on: day("2026-12-31"))?.price == decimal("5"))
    }
}
