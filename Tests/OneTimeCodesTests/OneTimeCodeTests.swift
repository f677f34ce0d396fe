import OneTimeCodes
import Testing

@Suite struct OneTimeCodeTests {
    private let secret = Array("12345678901234567890".utf8)

    /// RFC 6238, appendix B: the vectors of SHA-1.
    @Test(
        arguments: [
            (59, "94287082"), (1_111_111_109, "07081804"), (1_111_111_111, "14050471"), (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"), (20_000_000_000, "65353130"),
        ] as [(Int64, String)])
    func isThatOfTheStandard(second: Int64, code: String) throws {
        let step = OneTimeCode.step(atSecond: second)
        #expect(try OneTimeCode.make(secret: secret, step: step, digits: 8) == code)
        #expect(try OneTimeCode.make(secret: secret, step: step) == String(code.suffix(6)))
    }

    /// RFC 4226, appendix D.
    @Test(
        arguments: zip(
            Int64(0)...9,
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]))
    func isThatOfTheCounter(step: Int64, code: String) throws {
        #expect(try OneTimeCode.make(secret: secret, step: step) == code)
    }

    @Test func isFoundInItsOwnStepAndThoseNextToIt() throws {
        let code = try OneTimeCode.make(secret: secret, step: 1000)
        let seconds: [Int64] = [29_969, 29_970, 29_999, 30_000, 30_029, 30_030, 30_059, 30_060]
        let found = try seconds.map { try OneTimeCode.step(of: code, secret: secret, atSecond: $0) }
        #expect(found == [nil, 1000, 1000, 1000, 1000, 1000, 1000, nil])
    }

    @Test func theBeginningOfTimeHasNoStepBeforeIt() throws {
        #expect(try OneTimeCode.step(of: "755224", secret: secret, atSecond: 0) == 0)
    }

    @Test(arguments: ["", "75522", "7552244", "75522a", "755 24", "٧٥٥٢٢٤", "-75522"])
    func whatIsNoCodeIsNotCompared(text: String) throws {
        #expect(try OneTimeCode.step(of: text, secret: secret, atSecond: 0) == nil)
    }

    @Test func anotherSecretHasOtherCodes() throws {
        let other = Array("12345678901234567891".utf8)
        #expect(try OneTimeCode.step(of: "755224", secret: other, atSecond: 0) == nil)
    }

    @Test(arguments: [5, 9]) func refusesOtherLengths(digits: Int) {
        #expect(throws: OneTimeCodeError.self) { try OneTimeCode.make(secret: secret, step: 1, digits: digits) }
    }

    @Test func refusesWhatIsNoSecret() {
        #expect(throws: OneTimeCodeError.self) { try OneTimeCode.make(secret: [], step: 1) }
    }
}

@Suite struct Base32Tests {
    /// RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("fooba", "MZXW6YTB"),
        ("foobar", "MZXW6YTBOI"),
    ])
    func isThatOfTheStandard(text: String, encoded: String) {
        #expect(Base32.encode(Array(text.utf8)) == encoded)
    }
}
