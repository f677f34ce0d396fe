/// A current currency of ISO 4217 that has a minor unit, so that amounts of money can be held in it.
package struct Currency: Sendable, Hashable {
    /// The three letters, one byte each, the first one highest.
    private let letters: UInt32
    /// The three-digit code as a number: 978 for EUR.
    package let numericCode: UInt16
    private let decimals: UInt8

    /// The decimals of the minor unit: 2 for EUR, 0 for JPY, 3 for KWD, 4 for CLF.
    package var minorUnits: Int { Int(decimals) }

    /// Looks a code up, upper case only.
    ///
    /// Throws `unknownCurrency`, or `currencyWithoutMinorUnit` for the likes of XAU and XXX.
    package init(code: String) throws(MoneyError) {
        guard let letters = Self.pack(code.utf8Span.span), let entry = Self.table[letters] else {
            throw MoneyError(.unknownCurrency, "expected a current ISO 4217 code in upper case")
        }
        guard let currency = entry else {
            throw MoneyError(.currencyWithoutMinorUnit, "the ISO 4217 code has no minor unit")
        }
        self = currency
    }

    private init(letters: UInt32, numericCode: UInt16, decimals: UInt8) {
        self.letters = letters
        self.numericCode = numericCode
        self.decimals = decimals
    }

    /// The three letters, upper case.
    package var code: String {
        String(decoding: [UInt8(letters >> 16), UInt8(letters >> 8 & 0xFF), UInt8(letters & 0xFF)], as: UTF8.self)
    }

    /// Every currency that money can be held in, in order of code.
    package static let all: [Currency] = table.values.compactMap { $0 }.sorted { $0.letters < $1.letters }

    /// By packed letters; nil inside for a code without a minor unit.
    private static let table: [UInt32: Currency?] = {
        var table: [UInt32: Currency?] = [:]
        for entry in CurrencyTable.entries.utf8.split(whereSeparator: { $0 == 0x20 || $0 == 0x0A }) {
            let bytes = Array(entry)
            guard let letters = pack(bytes.span.extracting(first: 3)) else { continue }
            let number = bytes[3..<6].reduce(UInt16(0)) { $0 * 10 + UInt16($1 - UInt8(ascii: "0")) }
            let decimals = bytes[6] &- UInt8(ascii: "0")
            table.updateValue(
                decimals < 10 ? Currency(letters: letters, numericCode: number, decimals: decimals) : nil,
                forKey: letters)
        }
        return table
    }()

    private static func pack(_ code: Span<UInt8>) -> UInt32? {
        guard code.count == 3 else { return nil }
        var letters: UInt32 = 0
        for index in 0..<3 {
            guard UInt8(ascii: "A")...UInt8(ascii: "Z") ~= code[index] else { return nil }
            letters = letters << 8 | UInt32(code[index])
        }
        return letters
    }
}

extension Currency: CustomStringConvertible {
    /// The three letters, upper case.
    package var description: String { code }
}
