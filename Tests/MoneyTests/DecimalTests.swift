import Testing

@testable import Money

@Suite("Decimal against Python's decimal module")
struct DecimalVectorTests {
    struct Vector: Sendable, CustomTestStringConvertible {
        let operation: String
        let left: String
        let right: String
        let scale: Int
        let rounding: String
        let result: String

        init?(_ line: Substring) {
            let fields = line.split(separator: "|").map(String.init)
            guard fields.count == 6, let scale = Int(fields[3]) else { return nil }
            (operation, left, right) = (fields[0], fields[1], fields[2])
            (self.scale, rounding, result) = (scale, fields[4], fields[5])
        }

        var testDescription: String { "\(operation) \(left) \(right) \(scale) \(rounding)" }
    }

    static let roundings: [String: Rounding] = Dictionary(
        uniqueKeysWithValues: Rounding.allCases.map { ("\($0)", $0) })

    private func evaluate(_ vector: Vector) throws(MoneyError) -> String {
        let left = try Decimal(parsing: vector.left)
        let right = try Decimal(parsing: vector.right)
        let rounding = Self.roundings[vector.rounding] ?? .halfEven
        do {
            return switch vector.operation {
            case "add": try (left + right).description
            case "mul": try (left * right).description
            case "mulr": try left.multiplied(by: right, scale: vector.scale, rounding: rounding).description
            case "div": try left.divided(by: right, scale: vector.scale, rounding: rounding).description
            case "round": try left.rounded(scale: vector.scale, rounding).description
            case "sqrt": try left.squareRoot(scale: vector.scale).description
            case _ where vector.operation.hasPrefix("muldiv"):
                try left.multiplied(
                    by: right, dividedBy: Decimal(parsing: String(vector.operation.dropFirst(6))), scale: vector.scale,
                    rounding: rounding
                ).description
            case "cmp": left < right ? "-1" : left == right ? "0" : "1"
            default: "unknown operation"
            }
        } catch {
            return error.code == .overflow ? "overflow" : "\(error.code)"
        }
    }

    @Test func everyVector() throws {
        let lines = DecimalVectors.lines.split(separator: "\n")
        #expect(lines.count > 500)
        for line in lines {
            let vector = try #require(Vector(line))
            #expect(try evaluate(vector) == vector.result, "\(line)")
        }
    }

    @Test func differencesAreSumsOfTheNegated() throws {
        for line in DecimalVectors.lines.split(separator: "\n") where line.hasPrefix("add|") {
            let vector = try #require(Vector(line))
            guard vector.result != "overflow" else { continue }
            let left = try Decimal(parsing: vector.left)
            let right = try Decimal(parsing: vector.right)
            #expect(try left - (-right) == Decimal(parsing: vector.result))
        }
    }

    @Test func equalNumbersHaveEqualHashesWhateverTheirScale() throws {
        let texts = ["1", "1.0", "1.000000000000000000"]
        let values = try texts.map { try Decimal(parsing: $0) }
        #expect(Set(values).count == 1)
        #expect(Set(try ["0", "0.00", "-0.0"].map { try Decimal(parsing: $0) }).count == 1)
        #expect(Set(try ["1", "10", "0.1", "-1"].map { try Decimal(parsing: $0) }).count == 4)
    }
}

@Suite("Decimal text")
struct DecimalTextTests {
    @Test(arguments: [
        "0", "-1", "12.50", "0.000000000000000001", "-0.05", "10.0", "99999999999999999999.999999999999999999",
        "99999999999999999999999999999999999999", "-12345678901234567890.12",
    ])
    func roundTrips(_ text: String) throws {
        #expect(try Decimal(parsing: text).description == text)
    }

    @Test(arguments: [("-0", "0"), ("-0.00", "0.00")])
    func zeroHasNoSign(_ text: String, _ shown: String) throws {
        #expect(try Decimal(parsing: text).description == shown)
    }

    @Test(arguments: [
        "", "-", "+1", "1.", ".5", "-.5", "1e3", "1E3", "0x10", " 1", "1 ", "1,000", "1_000", "01", "-01.5", "00",
        "1.2.3",
        "--1", "1-", "NaN", "Infinity", "inf", "١", "1\n", "−1", "½",
    ])
    func refusesAnythingButPlainNotation(_ text: String) {
        #expect(throws: MoneyError(.malformedNumber, "expected plain decimal notation such as -1234.50")) {
            try Decimal(parsing: text)
        }
    }

    @Test func refusesNUL() {
        for text in ["1\u{0}", "\u{0}1", "1\u{0}5"] {
            #expect(code { _ = try Decimal(parsing: text) } == .malformedNumber)
        }
    }

    @Test func holdsToTheLimits() {
        let cases: [(String, Int, Int, MoneyError.Code?)] = [
            ("123456789012.34", 12, 2, nil),
            ("1234567890123.34", 12, 2, .tooManyIntegerDigits),
            ("1.234", 12, 2, .tooManyDecimals),
            ("1.200", 12, 2, .tooManyDecimals),
            ("1.0", 12, 0, .tooManyDecimals),
            ("0.1234567890123456789", 38, 18, .tooManyDecimals),
            ("0.1234567890123456789", 38, 30, .tooManyDecimals),
            (String(repeating: "9", count: 39), 50, 18, .overflow),
            (String(repeating: "9", count: 38) + ".1", 38, 18, .overflow),
            (String(repeating: "9", count: 100_000), 38, 18, .tooManyIntegerDigits),
        ]
        for (text, integerDigits, scale, expected) in cases {
            #expect(
                code { _ = try Decimal(parsing: text, maximumIntegerDigits: integerDigits, maximumScale: scale) }
                    == expected, "\(text.prefix(50))")
        }
    }

    @Test func appendsAfterWhatIsThere() throws {
        var bytes = Array("x=".utf8)
        try Decimal(parsing: "-0.50").append(to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "x=-0.50")
    }
}

@Suite("Decimal bounds")
struct DecimalBoundsTests {
    static let largest = String(repeating: "9", count: 38)

    @Test func thirtyEightDigitsAreTheEnd() throws {
        let largest = try Decimal(parsing: Self.largest)
        #expect(code { _ = try largest + 1 } == .overflow)
        #expect(code { _ = try -largest - 1 } == .overflow)
        #expect(code { _ = try largest * largest } == .overflow)
        #expect(code { _ = try largest.divided(by: Decimal(parsing: "0.1"), scale: 0) } == .overflow)
        #expect(code { _ = try largest.rounded(scale: 1) } == .overflow)
        #expect(code { _ = try largest.multiplied(by: 1, scale: 18) } == .overflow)
        #expect(code { _ = try Decimal(mantissa: .max, scale: 0) } == .overflow)
        #expect(code { _ = try Decimal(mantissa: .min, scale: 0) } == .overflow)
        #expect(try largest - largest == 0)
        #expect(-(-largest) == largest)
    }

    @Test func argumentsOutsideTheirDomain() throws {
        let one = Decimal.one
        #expect(code { _ = try one.divided(by: 0, scale: 2) } == .divisionByZero)
        #expect(code { _ = try one.divided(by: Decimal(parsing: "0.00"), scale: 2) } == .divisionByZero)
        #expect(code { _ = try one.multiplied(by: 1, dividedBy: 0, scale: 2) } == .divisionByZero)
        for scale in [-1, 19, Int.min, Int.max] {
            #expect(code { _ = try one.divided(by: 3, scale: scale) } == .outOfDomain)
            #expect(code { _ = try one.multiplied(by: 3, scale: scale) } == .outOfDomain)
            #expect(code { _ = try one.rounded(scale: scale) } == .outOfDomain)
            #expect(code { _ = try one.squareRoot(scale: scale) } == .outOfDomain)
            #expect(code { _ = try Decimal(mantissa: 1, scale: scale) } == .outOfDomain)
            #expect(code { _ = try Decimal(approximating: 1, scale: scale) } == .outOfDomain)
        }
        #expect(code { _ = try Decimal(-1).squareRoot(scale: 2) } == .outOfDomain)
    }

    @Test func aQuotientFarBelowOneUnitRoundsByItsSignAlone() throws {
        let tiny = try Decimal(parsing: "-1.999999999999999999")
        let huge = try Decimal(parsing: "3" + String(repeating: "0", count: 36) + "1")
        for (rounding, expected) in [(Rounding.up, -1), (.floor, -1), (.ceiling, 0), (.halfUp, 0), (.halfEven, 0)] {
            #expect(try tiny.divided(by: huge, scale: 0, rounding: rounding) == Decimal(expected), "\(rounding)")
        }
    }

    @Test func rootsLookAtTheDigitsThatTheyDrop() throws {
        // Half way between the roots 1 and 2 lies 2.25.
        for (text, expected) in [("2.2", 1), ("2.249999999999999999", 1), ("2.250000000000000001", 2), ("2.3", 2)] {
            #expect(try Decimal(parsing: text).squareRoot(scale: 0) == Decimal(expected), "\(text)")
        }
    }

    @Test func proportionsAreRoundedOnce() throws {
        let third = try Decimal(100).multiplied(by: 1, dividedBy: 3, scale: 2)
        #expect(third.description == "33.33")
        let huge = try Decimal(parsing: "12345678901234567890123456789")
        #expect(try huge.multiplied(by: huge, dividedBy: huge, scale: 0) == huge)
        #expect(try Decimal(-1).multiplied(by: 1, dividedBy: -8, scale: 2, rounding: .halfUp).description == "0.13")
    }

    @Test func exactProductsGoThroughEighteenDecimals() throws {
        let nav = try Decimal(parsing: "123.45678901")
        #expect(try (nav * Decimal(parsing: "0.12345678")).description == "15.2415776403139878")
        let small = try Decimal(parsing: "0.0000000001")
        #expect(code { _ = try small * small } == .inexact)
        #expect(try (small * Decimal(parsing: "500.0000000000")).description == "0.000000050000000000")
    }

    @Test func normalizedDropsWhatSaysNothing() throws {
        for (text, expected) in [("12.500", "12.5"), ("100", "100"), ("0.000", "0"), ("-7.0", "-7")] {
            #expect(try Decimal(parsing: text).normalized.description == expected)
        }
    }

    @Test func estimatesGoBothWays() throws {
        #expect(try Decimal(approximating: 0.1, scale: 4).description == "0.1000")
        #expect(try Decimal(approximating: -2.5, scale: 0).description == "-2")
        #expect(try Decimal(parsing: "-1234.5678").approximation == -1234.5678)
        for estimate in [Double.nan, .infinity, -.infinity] {
            #expect(code { _ = try Decimal(approximating: estimate, scale: 2) } == .outOfDomain)
        }
        #expect(code { _ = try Decimal(approximating: 1e38, scale: 2) } == .overflow)
        #expect(code { _ = try Decimal(approximating: 1e300, scale: 18) } == .overflow)
    }
}

/// The code of the `MoneyError` that the body throws; nil when it returns.
func code(_ body: () throws -> Void) -> MoneyError.Code? {
    do {
        try body()
        return nil
    } catch let error as MoneyError {
        return error.code
    } catch {
        Issue.record("\(error)")
        return nil
    }
}
