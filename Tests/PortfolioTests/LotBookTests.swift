import Chronology
import Money
import PortfolioDomain
import Testing

@Suite struct LotBookTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let method: CostMethod
        let trades: [String]
        let quantity: String
        let cost: String
        let gains: [String]
        let lots: [String]

        var testDescription: String { "\(method) \(trades)" }
    }

    static let cases = [
        Case(
            method: .fifo,
            trades: [
                "buy 2025-08-18 100 @ 90.0000", "buy 2026-01-15 50 @ 98.5000", "buy 2026-05-20 50 @ 101.2500",
                "sell 2026-07-10 80 @ 104.0000",
            ], quantity: "120", cost: "11787.50", gains: ["1120.00"], lots: ["20", "50", "50"]),
        Case(
            method: .average,
            trades: [
                "buy 2025-08-18 100 @ 90.0000", "buy 2026-01-15 50 @ 98.5000", "buy 2026-05-20 50 @ 101.2500",
                "sell 2026-07-10 80 @ 104.0000",
            ], quantity: "120", cost: "11392.50", gains: ["725.00"], lots: ["120"]),
        Case(
            method: .fifo, trades: ["buy 2026-01-01 10 @ 1 fee 0.50 tax 0.25", "sell 2026-01-02 10 @ 2 fee 1.00"],
            quantity: "0", cost: "0.00", gains: ["8.25"], lots: []),
        // A third of 100.00 costs 33.33, half of the rest (33.335) rounds to 33.34, and the last sale takes the 33.33 left.
        Case(
            method: .fifo,
            trades: [
                "buy 2026-01-01 3 @ 33.3333333", "sell 2026-01-02 1 @ 40", "sell 2026-01-03 1 @ 40",
                "sell 2026-01-04 1 @ 40",
            ], quantity: "0", cost: "0.00", gains: ["6.67", "6.66", "6.67"], lots: []),
        Case(
            method: .fifo, trades: ["buy 2026-01-01 2 @ 10", "buy 2026-01-02 2 @ 20", "sell 2026-01-03 3 @ 30"],
            quantity: "1", cost: "20.00", gains: ["50.00"], lots: ["1"]),
        Case(
            method: .fifo, trades: ["sell 2026-01-03 1 @ 30", "buy 2026-01-01 2 @ 10"], quantity: "1", cost: "10.00",
            gains: ["20.00"], lots: ["1"]),
    ]

    @Test(arguments: cases) func lotsAndGains(_ example: Case) throws {
        let portfolio = try portfolio(example.method)
        let position = try position(example.trades, in: portfolio, of: try fund())
        let book = try position.book(on: day("2026-12-31"), method: example.method)
        #expect(book.quantity == decimal(example.quantity))
        #expect(book.cost == decimal(example.cost))
        #expect(book.realisations.map(\.gain) == example.gains.map(decimal))
        #expect(book.lots.map(\.remaining) == example.lots.map(decimal))
        #expect(try Decimal.sum(book.lots.map(\.cost)) == book.cost)
    }

    @Test(arguments: CostMethod.allCases) func aSaleOfMoreThanIsHeldOnItsDayIsRefused(method: CostMethod) throws {
        let portfolio = try portfolio(method)
        let fund = try fund()
        let position = try position(
            ["buy 2026-01-01 10 @ 1", "sell 2026-02-01 11 @ 1", "buy 2026-03-01 10 @ 1"], in: portfolio, of: fund)
        let sale = position.transactions[1]
        #expect(
            throws: LotBookError.insufficientQuantity(transactionID: sale.id, on: sale.on, held: decimal("10"))
        ) { try position.book(on: day("2026-12-31"), method: method) }
        #expect(try position.book(on: day("2026-01-31"), method: method).quantity == decimal("10"))
    }

    /// Whatever is bought and sold, what was paid is what the sales cost and what is held.
    @Test(arguments: CostMethod.allCases) func costIsNeverLost(method: CostMethod) throws {
        var generator = SplitMix(state: 20_261_120)
        let portfolio = try portfolio(method)
        let fund = try fund()
        for _ in 0..<50 {
            var book = LotBook(currency: fund.currency, method: method)
            var paid = Decimal.zero
            for step in 0..<40 {
                let quantity = "\(generator.next() % 50).\(generator.next() % 1000 + 1)"
                let on = day("2026-01-01").adding(days: step)
                let text =
                    "\(generator.next() % 3 == 0 ? "sell" : "buy") \(on) \(quantity) @ \(generator.next() % 90 + 1).07"
                let trade = try trade(text, of: fund, in: portfolio)
                guard trade.type == .buy || trade.quantity <= book.quantity else { continue }
                try book.record(trade)
                if trade.type == .buy { paid = try paid + trade.settlement() }
            }
            let sold = try Decimal.sum(book.realisations.map(\.cost))
            #expect(try sold + book.cost == paid)
            #expect(!book.cost.isNegative)
        }
    }

    /// A small seeded generator (SplitMix64), so that a failure can be repeated.
    private struct SplitMix {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }
}
