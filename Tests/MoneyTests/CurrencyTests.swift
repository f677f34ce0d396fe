import Testing

@testable import Money

@Suite("Currency")
struct CurrencyTests {
    @Test(arguments: [
        ("EUR", 978, 2), ("USD", 840, 2), ("JPY", 392, 0), ("KWD", 414, 3), ("CLF", 990, 4), ("UYW", 927, 4),
        ("INR", 356, 2), ("ALL", 8, 2), ("XOF", 952, 0), ("ISK", 352, 0), ("TND", 788, 3), ("ZWG", 924, 2),
    ])
    func knownCodes(_ code: String, _ number: Int, _ minorUnits: Int) throws {
        let currency = try Currency(code: code)
        #expect(currency.code == code)
        #expect(currency.description == code)
        #expect(Int(currency.numericCode) == number)
        #expect(currency.minorUnits == minorUnits)
    }

    @Test(arguments: ["XAU", "XAG", "XPT", "XPD", "XDR", "XXX", "XTS", "XBA", "XBB", "XBC", "XBD", "XSU", "XUA"])
    func codesWithoutMinorUnitAreRefused(_ text: String) {
        #expect(code { _ = try Currency(code: text) } == .currencyWithoutMinorUnit)
    }

    @Test(arguments: ["", "EU", "EURO", "eur", "Eur", "E R", "DEM", "AAA", "ZZZ", "978", "€€€", "É"])
    func whatIsNoCodeIsRefused(_ text: String) {
        #expect(code { _ = try Currency(code: text) } == .unknownCurrency)
    }

    @Test func aNULIsRefused() {
        for text in ["EUR\u{0}", "EU\u{0}"] { #expect(code { _ = try Currency(code: text) } == .unknownCurrency) }
    }

    @Test func theTableIsWholeAndConsistent() throws {
        #expect(Currency.all.count == 166)
        #expect(Set(Currency.all.map(\.numericCode)).count == 166)
        #expect(Currency.all.map(\.code) == Currency.all.map(\.code).sorted())
        #expect(Currency.all.allSatisfy { 0...4 ~= $0.minorUnits })
        let byMinorUnits = Dictionary(grouping: Currency.all, by: \.minorUnits).mapValues(\.count)
        #expect(byMinorUnits == [0: 17, 2: 140, 3: 7, 4: 2])
        for currency in Currency.all { #expect(try Currency(code: currency.code) == currency) }
    }
}
