import Testing

@testable import Money

@Suite("Money")
struct MoneyTests {
    static let euro: Result<Currency, any Error> = Result { try Currency(code: "EUR") }

    private func euros(_ amount: String) throws -> Money { try Money(amount: amount, currency: "EUR") }

    @Test(arguments: [
        ("12.34", "EUR", "12.34 EUR"), ("12.3", "EUR", "12.30 EUR"), ("12", "EUR", "12.00 EUR"),
        ("-0.01", "EUR", "-0.01 EUR"), ("-0", "EUR", "0.00 EUR"), ("1230", "JPY", "1230 JPY"),
        ("1.234", "KWD", "1.234 KWD"), ("0.0001", "CLF", "0.0001 CLF"),
        ("999999999999.99", "EUR", "999999999999.99 EUR"),
    ])
    func readsAmounts(_ amount: String, _ currency: String, _ shown: String) throws {
        #expect(try Money(amount: amount, currency: currency).description == shown)
    }

    @Test func refusesAmounts() {
        let cases: [(String, String, Money.SignRule, MoneyError.Code)] = [
            ("12.345", "EUR", .any, .tooManyDecimals),
            ("12.340", "EUR", .any, .tooManyDecimals),
            ("1.0", "JPY", .any, .tooManyDecimals),
            ("1000000000000", "EUR", .any, .tooManyIntegerDigits),
            ("1e3", "EUR", .any, .malformedNumber),
            ("1,50", "EUR", .any, .malformedNumber),
            ("+5", "EUR", .any, .malformedNumber),
            ("", "EUR", .any, .malformedNumber),
            ("5", "XAU", .any, .currencyWithoutMinorUnit),
            ("5", "eur", .any, .unknownCurrency),
            ("-0.01", "EUR", .nonNegative, .negativeAmount),
            ("-0.01", "EUR", .positive, .negativeAmount),
            ("0.00", "EUR", .positive, .zeroAmount),
            ("-0", "EUR", .positive, .zeroAmount),
        ]
        for (amount, currency, sign, expected) in cases {
            #expect(
                code { _ = try Money(amount: amount, currency: currency, sign: sign) } == expected,
                "\(amount) \(currency) \(sign)")
        }
        #expect(code { _ = try Money(amount: "0", currency: "EUR", sign: .nonNegative) } == nil)
        #expect(code { _ = try Money(amount: "0.01", currency: "EUR", sign: .positive) } == nil)
    }

    @Test func holdsComputedAmountsAtTheMinorUnit() throws {
        let euro = try Self.euro.get()
        #expect(try Money(Decimal(parsing: "5.1000"), euro).description == "5.10 EUR")
        #expect(code { _ = try Money(Decimal(parsing: "5.001"), euro) } == .tooManyDecimals)
        #expect(try Money(rounding: Decimal(parsing: "5.005"), euro).description == "5.00 EUR")
        #expect(try Money(rounding: Decimal(parsing: "5.005"), euro, .halfUp).description == "5.01 EUR")
        #expect(try Money(minorUnits: -1230, euro).description == "-12.30 EUR")
        #expect(try Money(minorUnits: .min, euro).description == "-92233720368547758.08 EUR")
        #expect(try Money.zero(euro).isZero)
    }

    @Test func combinesOneCurrencyOnly() throws {
        var total = try euros("0.10")
        try total += euros("0.20")
        #expect(try total == euros("0.30"))
        try total -= euros("1")
        #expect(total.isNegative && !total.isPositive)
        #expect(try -total == euros("0.7"))
        let yen = try Money(amount: "1", currency: "JPY")
        #expect(code { _ = try total + yen } == .currencyMismatch)
        #expect(code { _ = try total - yen } == .currencyMismatch)
        #expect(code { _ = try total < yen } == .currencyMismatch)
        #expect(code { _ = try Money.sum([total, yen], in: total.currency) } == .currencyMismatch)
        #expect(try Money.sum([euros("1"), euros("2.5")], in: total.currency) == euros("3.50"))
        #expect(try Money.sum([], in: yen.currency).description == "0 JPY")
    }

    @Test func comparesAndMultiplies() throws {
        let (one, two) = try (euros("1"), euros("2"))
        #expect(try one < two && two > one && one <= one && two >= one)
        #expect(try !(two < one) && !(one > two) && !(two <= one) && !(one >= two))
        #expect(try euros("10.05").multiplied(by: Decimal(parsing: "0.5")) == euros("5.02"))
        #expect(try euros("10.05").multiplied(by: Decimal(parsing: "0.5"), .halfUp) == euros("5.03"))
    }

    @Test func aSumPastThirtyEightDigitsIsAnError() throws {
        let huge = try Money(Decimal(parsing: String(repeating: "9", count: 36)), Self.euro.get())
        #expect(code { _ = try huge + huge } == .overflow)
    }
}

@Suite("Allocation")
struct AllocationTests {
    @Test func losesNothing() throws {
        let cases: [(String, [String], [String])] = [
            ("100", ["1", "1", "1"], ["33.34", "33.33", "33.33"]),
            ("0.05", ["3", "7"], ["0.02", "0.03"]),
            ("-100", ["1", "1", "1"], ["-33.34", "-33.33", "-33.33"]),
            ("10", ["0", "1", "0.5"], ["0.00", "6.67", "3.33"]),
            ("0", ["1", "2"], ["0.00", "0.00"]),
            ("0.01", ["0.1", "0.2", "0.3"], ["0.00", "0.00", "0.01"]),
            ("5", ["1"], ["5.00"]),
        ]
        for (amount, weights, expected) in cases {
            let money = try Money(amount: amount, currency: "EUR")
            let shares = try money.allocated(by: weights.map { try Decimal(parsing: $0) })
            #expect(shares.map(\.amount.description) == expected, "\(amount) \(weights)")
            #expect(try Money.sum(shares, in: money.currency) == money)
        }
    }

    @Test func anySplitSumsToTheWhole() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            let money = try Money(minorUnits: Int64.random(in: -1_000_000...1_000_000), Currency(code: "EUR"))
            let weights = try (0..<Int.random(in: 1...20)).map { _ in
                try Decimal(
                    mantissa: Int128(UInt64.random(in: 1...10_000, using: &generator)), scale: Int.random(in: 0...6))
            }
            let shares = try money.allocated(by: weights)
            #expect(try Money.sum(shares, in: money.currency) == money, "\(money) \(weights)")
            let equal = try money.allocated(equally: weights.count)
            #expect(try Money.sum(equal, in: money.currency) == money)
            let units = equal.map { $0.amount.mantissa.magnitude }
            let spread = try #require(units.max()) - #require(units.min())
            #expect(spread <= 1)
        }
    }

    @Test func refusesWeightsThatSplitNothing() throws {
        let money = try Money(amount: "1", currency: "EUR")
        #expect(code { _ = try money.allocated(by: []) } == .outOfDomain)
        #expect(code { _ = try money.allocated(by: [0, 0]) } == .outOfDomain)
        #expect(code { _ = try money.allocated(by: [2, -1]) } == .outOfDomain)
        #expect(code { _ = try money.allocated(equally: 0) } == .outOfDomain)
        let huge = try Decimal(parsing: String(repeating: "9", count: 38))
        #expect(code { _ = try money.allocated(by: [huge, huge, huge, huge]) } == .overflow)
    }
}
