package import Chronology
package import Money
package import Validation

/// What kind of thing can be held.
package enum InstrumentType: String, Sendable, CaseIterable {
    case equity
    case mutualFund = "mutual_fund"
    case etf
    case bond
    case cash
    case crypto
    case other
}

/// Something that can be held in a portfolio and has a price.
package struct Instrument: Sendable, Hashable {
    package let id: UUIDv7
    package let ownerID: UUIDv7
    package let type: InstrumentType
    package let name: String
    /// The currency of its prices.
    package let currency: Currency
    /// ISO 6166, with a right check digit.
    package let isin: String?
    package let ticker: String?
    /// The scheme code in AMFI's NAV list.
    package let amfiCode: String?
    package let version: Int64
    package let createdAt: Timestamp
    package let updatedAt: Timestamp

    package init(
        id: UUIDv7, ownerID: UUIDv7, type: InstrumentType, name: String, currency: Currency, isin: String?,
        ticker: String?, amfiCode: String?, version: Int64, createdAt: Timestamp, updatedAt: Timestamp
    ) {
        self.id = id
        self.ownerID = ownerID
        self.type = type
        self.name = name
        self.currency = currency
        self.isin = isin
        self.ticker = ticker
        self.amfiCode = amfiCode
        self.version = version
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }

    /// Checks what a client asks for and makes the instrument.
    ///
    /// - Throws: the fields `type`, `name`, `currency`, `isin`, `ticker`, `amfi_code` that break a rule.
    package static func create(
        id: UUIDv7 = .make(), ownerID: UUIDv7, type: String, name: String, currency: String, isin: String?,
        ticker: String?, amfiCode: String?, at now: Timestamp
    ) throws(ValidationFailure) -> Instrument {
        var validator = Validator()
        let type: InstrumentType? = validator.choice("type", type)
        let name: String? = validator.text("name", name, maximum: 200)
        let currency: Currency? = validator.currency("currency", currency)
        if let isin, !Self.isISIN(isin) {
            validator.fail("isin", "invalid_isin", "must be an ISIN of 12 characters with a right check digit")
        }
        let ticker: String? = validator.text("ticker", ticker, maximum: 20)
        if let amfiCode, !(1...10 ~= amfiCode.utf8.count && amfiCode.utf8.allSatisfy(Self.isDigit)) {
            validator.fail("amfi_code", "invalid_amfi_code", "must be a scheme code of 1 to 10 digits")
        }
        return Instrument(
            id: id, ownerID: ownerID, type: try validator.checked(type), name: try validator.checked(name),
            currency: try validator.checked(currency), isin: isin, ticker: ticker, amfiCode: amfiCode, version: 1,
            createdAt: now, updatedAt: now)
    }

    /// Whether `text` is an ISIN: two letters, nine letters or digits, a check digit (ISO 6166: letters become two digits, A
    /// is 10, then the Luhn sum over all digits is a multiple of ten).
    package static func isISIN(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count == 12, bytes[..<2].allSatisfy(isUpperCaseLetter), isDigit(bytes[11]),
            bytes[2..<11].allSatisfy({ isUpperCaseLetter($0) || isDigit($0) })
        else { return false }
        var digits: [Int] = []
        for byte in bytes {
            let value = isDigit(byte) ? Int(byte - UInt8(ascii: "0")) : Int(byte - UInt8(ascii: "A")) + 10
            digits += value >= 10 ? [value / 10, value % 10] : [value]
        }
        var sum = 0
        for (place, digit) in digits.reversed().enumerated() {
            let weighted = place.isMultiple(of: 2) ? digit : digit * 2
            sum += weighted / 10 + weighted % 10
        }
        return sum.isMultiple(of: 10)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    private static func isUpperCaseLetter(_ byte: UInt8) -> Bool { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte }
}
