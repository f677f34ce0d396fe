import Chronology
import Testing

@testable import Money

@Suite("Percentages")
struct PercentageTests {
    @Test(arguments: [
        ("50", "200", "25.00"), ("200.01", "200", "100.00"), ("200.03", "200", "100.02"), ("1", "3", "33.33"),
        ("-10", "40", "-25.00"),
        ("0", "5", "0.00"),
    ])
    func whatAPartIsOfAWhole(_ part: String, _ whole: String, _ expected: String) throws {
        let percentage = try Percentage(Money(amount: part, currency: "EUR"), of: Money(amount: whole, currency: "EUR"))
        #expect(percentage.description == expected)
    }

    @Test func shares() throws {
        let whole = try Money(amount: "19.99", currency: "EUR")
        #expect(try Percentage(80).of(whole).description == "15.99 EUR")
        #expect(try Percentage(Decimal(parsing: "12.5")).of(whole, .up).description == "2.50 EUR")
        #expect(Percentage(80) < Percentage(100))
    }

    @Test func refusals() throws {
        let (zero, one) = try (Money(amount: "0", currency: "EUR"), Money(amount: "1", currency: "EUR"))
        #expect(code { _ = try Percentage(one, of: zero) } == .divisionByZero)
        #expect(code { _ = try Percentage(one, of: Money(amount: "1", currency: "USD")) } == .currencyMismatch)
    }
}

@Suite("Exchange rates")
struct ExchangeRateTests {
    private func rate(
        _ base: String, _ quote: String, _ rate: String, on date: String = "2026-11-20", source: String = "ECB"
    ) throws -> ExchangeRate {
        try ExchangeRate(
            base: Currency(code: base), quote: Currency(code: quote), rate: Decimal(parsing: rate),
            date: CalendarDate(parsing: date), source: source)
    }

    @Test func convertsToTheQuotesMinorUnit() throws {
        let money = try Money(amount: "10.01", currency: "EUR")
        #expect(try rate("EUR", "JPY", "163.45").convert(money).description == "1636 JPY")
        #expect(try rate("EUR", "JPY", "163.45").convert(money, .up).description == "1637 JPY")
        #expect(try rate("EUR", "KWD", "0.33215").convert(money).description == "3.325 KWD")
        #expect(code { _ = try rate("USD", "EUR", "0.9").convert(money) } == .currencyMismatch)
    }

    @Test func invertsAndChains() throws {
        let inverse = try rate("EUR", "USD", "1.25").inverted()
        #expect(inverse.base.code == "USD" && inverse.quote.code == "EUR")
        #expect(try inverse.rate == Decimal(parsing: "0.8"))
        let cross = try inverse.chained(with: rate("EUR", "INR", "90.5", on: "2026-11-19"))
        #expect(cross.base.code == "USD" && cross.quote.code == "INR")
        #expect(try cross.rate == Decimal(parsing: "72.4"))
        #expect(cross.date.description == "2026-11-19")
        #expect(cross.source == "ECB")
        #expect(try inverse.chained(with: rate("EUR", "INR", "90", source: "manual")).source == "ECB, manual")
        #expect(code { _ = try inverse.chained(with: inverse) } == .currencyMismatch)
    }

    @Test func refusesRatesThatAreNone() {
        for (base, quote, value) in [("EUR", "USD", "0"), ("EUR", "USD", "-1"), ("EUR", "EUR", "1.1")] {
            #expect(code { _ = try rate(base, quote, value) } == .outOfDomain)
        }
        #expect(code { _ = try rate("EUR", "EUR", "1.00") } == nil)
    }
}

@Suite("Statistics")
struct StatisticsTests {
    @Test func meanAndDeviation() throws {
        let values = try ["2", "4", "4", "4", "5", "5", "7", "9"].map { try Decimal(parsing: $0) }
        #expect(try Statistics.mean(values, scale: 2).description == "5.00")
        // The square root of 32/7.
        #expect(try Statistics.standardDeviation(values, scale: 6).description == "2.138090")
        #expect(try Statistics.standardDeviation([3, 3, 3], scale: 4).description == "0.0000")
    }

    @Test func tooFewValues() {
        #expect(code { _ = try Statistics.mean([], scale: 2) } == .divisionByZero)
        #expect(code { _ = try Statistics.standardDeviation([1], scale: 2) } == .divisionByZero)
        #expect(code { _ = try Statistics.standardDeviation([1, 2], scale: 19) } == .outOfDomain)
    }
}
