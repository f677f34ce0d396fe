import Testing

@testable import Secrets

@Suite("Encodings")
struct EncodingTests {
    /// RFC 4648, section 10.
    @Test(arguments: [
        ("", "", ""), ("f", "Zg==", "66"), ("fo", "Zm8=", "666f"), ("foo", "Zm9v", "666f6f"),
        ("foob", "Zm9vYg==", "666f6f62"),
        ("fooba", "Zm9vYmE=", "666f6f6261"), ("foobar", "Zm9vYmFy", "666f6f626172"),
    ])
    func vectors(_ text: String, _ base64: String, _ hex: String) throws {
        let bytes = Array(text.utf8)
        #expect(Base64.encode(bytes) == base64)
        #expect(try Base64.decode(base64) == bytes)
        #expect(Hex.encode(bytes) == hex)
        #expect(try Hex.decode(hex) == bytes)
        #expect(try Hex.decode(hex.uppercased()) == bytes)
        let unpadded = String(base64.prefix { $0 != "=" })
        #expect(Base64URL.encode(bytes) == unpadded)
        #expect(try Base64URL.decode(unpadded) == bytes)
        #expect(try Base64URL.decode(ascii: Array(unpadded.utf8)) == bytes)
    }

    @Test func theLastTwoLettersOfTheAlphabets() throws {
        #expect(Base64.encode([0xFB, 0xEF, 0xFF]) == "++//")
        #expect(Base64URL.encode([0xFB, 0xEF, 0xFF]) == "--__")
        #expect(try Base64URL.decode("--__") == [0xFB, 0xEF, 0xFF])
    }

    @Test func everyLengthRoundTrips() throws {
        for count in 0...200 {
            let bytes = randomBytes(count)
            #expect(try Base64.decode(Base64.encode(bytes)) == bytes)
            #expect(try Base64URL.decode(Base64URL.encode(bytes)) == bytes)
            #expect(try Hex.decode(Hex.encode(bytes)) == bytes)
        }
    }

    @Test(arguments: [
        "Zg", "Zg=", "Zg===", "=Zg=", "Z", "Zh==", "Zm9=", "Zm9v\n", " Zm9v", "Zm 9v", "Zm9v=", "Zm9v====", "--__",
        "Zm9vé",
        "Zg==Zg==", "====",
    ])
    func base64HasOneForm(_ text: String) {
        #expect(throws: SecretsError(.malformedEncoding, "expected base64 in its one strict form")) {
            try Base64.decode(text)
        }
    }

    @Test(arguments: [
        "Zg==", "Zm8=", "Z", "Zh", "Zm9", "Zm9vY", "++//", "Zm9v\n", " Zm9v", "Zm9v ", "Zm.v", "=",
        "Zm9vÿ",
    ])
    func base64URLHasOneForm(_ text: String) {
        #expect(throws: SecretsError(.malformedEncoding, "expected base64 in its one strict form")) {
            try Base64URL.decode(text)
        }
        #expect(throws: SecretsError.self) { try Base64URL.decode(ascii: Array(text.utf8)) }
    }

    @Test func noneHasANUL() {
        for text in ["\u{0}", "Zm9v\u{0}", "Zm9\u{0}", "\u{0}Zm9v"] {
            #expect(throws: SecretsError.self) { try Base64.decode(text) }
            #expect(throws: SecretsError.self) { try Base64URL.decode(text) }
        }
        for text in ["0\u{0}", "00\u{0}\u{0}"] { #expect(throws: SecretsError.self) { try Hex.decode(text) } }
    }

    @Test(arguments: ["0", "0g", "000", "0x00", " 00", "00 ", "00\n", "é0", "٠٠"])
    func hexIsDigitsInPairs(_ text: String) {
        #expect(throws: SecretsError(.malformedEncoding, "expected hexadecimal digits")) { try Hex.decode(text) }
    }
}
