import Testing

@testable import GRPC

@Suite struct EncodingTests {
    @Test(arguments: [
        ("", ""), ("plain text ~", "plain text ~"), ("100%", "100%25"), ("é", "%C3%A9"), ("a\nb", "a%0Ab"),
        ("\u{7F}", "%7F"), ("😀", "%F0%9F%98%80"),
    ])
    func percentEncoding(_ text: String, _ encoded: String) {
        #expect(PercentEncoding.encode(text) == encoded)
        #expect(PercentEncoding.decode(encoded) == text)
    }

    @Test(arguments: [
        ("%c3%a9", "é"), ("100%", "100%"), ("%", "%"), ("%4", "%4"), ("%zz", "%zz"), ("%41%", "A%"),
        ("%FF", "\u{FFFD}"),
    ])
    func percentDecodingNeverFails(_ encoded: String, _ text: String) {
        #expect(PercentEncoding.decode(encoded) == text)
    }

    @Test(arguments: [
        ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
        ("foobar", "Zm9vYmFy"),
    ])
    func base64(_ text: String, _ encoded: String) {
        #expect(Base64.encode([UInt8](text)) == encoded)
        #expect(Base64.decode(encoded) == [UInt8](text))
        let padded = encoded + String(repeating: "=", count: (4 - encoded.count % 4) % 4)
        #expect(Base64.decode(padded) == [UInt8](text))
    }

    @Test(arguments: ["Z", "Zg=", "Zm9v=", "Zm9vY", "Zg===", "=", "====", "Z g", "Zg\n", "Zm-v", "Zm_v", "é"])
    func base64Refuses(_ text: String) { #expect(Base64.decode(text) == nil) }

    @Test func base64CarriesAnyBytes() {
        for count in 0..<70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 250) }
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        }
    }
}
