import Chronology
import Money
import PortfolioDomain
import Testing

@Suite struct XIRRTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let flows: [(String, String)]
        let rate: String

        var testDescription: String { name }
    }

    static let cases = [
        // The example in the documentation of the spreadsheet function XIRR: 0.373362535.
        Case(
            name: "spreadsheet example",
            flows: [
                ("2008-01-01", "-10000"), ("2008-03-01", "2750"), ("2008-10-30", "4250"), ("2009-02-15", "3250"),
                ("2009-04-01", "2750"),
            ], rate: "0.373363"),
        Case(
            name: "ten percent over a year", flows: [("2025-01-01", "-1000"), ("2026-01-01", "1100")], rate: "0.100000"),
        Case(
            name: "half lost in half a year", flows: [("2025-01-01", "-100"), ("2025-07-02", "50")], rate: "-0.750950"),
        Case(name: "nothing gained", flows: [("2025-01-01", "-100"), ("2026-01-01", "100")], rate: "0.000000"),
        Case(name: "nearly all lost", flows: [("2025-01-01", "-1000"), ("2026-01-01", "1")], rate: "-0.999000"),
        Case(
            name: "a quarter gained in 36 days", flows: [("2025-01-01", "-100"), ("2025-02-06", "125")],
            rate: "8.606382"),
        // 1000, -2300 and 1320 a year apart have the roots 10 % and 20 %: the nearer to zero counts.
        Case(
            name: "two positive roots",
            flows: [("2025-01-01", "1000"), ("2026-01-01", "-2300"), ("2027-01-01", "1320")], rate: "0.100000"),
        // 1000, -2100 and 1080 a year apart have the roots -10 % and 20 %.
        Case(
            name: "a negative and a positive root",
            flows: [("2025-01-01", "1000"), ("2026-01-01", "-2100"), ("2027-01-01", "1080")], rate: "-0.100000"),
        Case(
            name: "several flows on one day",
            flows: [("2025-01-01", "-600"), ("2025-01-01", "-400"), ("2026-01-01", "1100")], rate: "0.100000"),
    ]

    @Test(arguments: cases) func rate(_ example: Case) throws {
        let flows = example.flows.map { CashFlow(on: day($0.0), amount: decimal($0.1)) }
        #expect(try xirr(flows).description == example.rate)
        #expect(try xirr(flows.reversed()).description == example.rate)
    }

    @Test(
        arguments: [
            [], [("2025-01-01", "-1")], [("2025-01-01", "-1"), ("2026-01-01", "-1")],
            [("2025-01-01", "5"), ("2025-01-01", "-5")],
        ] as [[(String, String)]])
    func moneyThatGoesOneWayHasNoReturn(flows: [(String, String)]) {
        #expect(throws: XIRRFailure.noSignChange) {
            try xirr(flows.map { CashFlow(on: day($0.0), amount: decimal($0.1)) })
        }
    }

    @Test func aPresentValueThatIsNeverZeroHasNoRoot() {
        let flows = [("2025-01-01", "100"), ("2026-01-01", "-100"), ("2027-01-01", "100")]
        #expect(throws: XIRRFailure.noRoot) {
            try xirr(flows.map { CashFlow(on: day($0.0), amount: decimal($0.1)) })
        }
    }
}
