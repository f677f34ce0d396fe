import Testing
import WireCodecs

@Suite struct PercentEncodingTests {
    @Test(arguments: [
        ("", ""), ("plain text ~", "plain text ~"), ("100%", "100%25"), ("é", "%C3%A9"), ("a\nb", "a%0Ab"),
        ("\u{7F}", "%7F"), ("😀", "%F0%9F%98%80"),
    ])
    func goesThereAndBack(_ text: String, _ encoded: String) {
        #expect(PercentEncoding.encode(text) { 0x20...0x7E ~= $0 } == encoded)
        #expect(PercentEncoding.decode(encoded.utf8) == text)
        #expect(PercentEncoding.decodeLeniently(encoded) == text)
    }

    @Test(arguments: [
        "%", "%4", "%4x", "%zz", "a%", "%00", "\0", "%ff", "%e2%82", "%c0%80", "%ed%a0%80", "%+1", "%%41",
    ])
    func refuses(_ text: String) {
        #expect(PercentEncoding.decode(text.utf8) == nil)
    }

    @Test(arguments: [
        ("%c3%a9", "é"), ("100%", "100%"), ("%", "%"), ("%4", "%4"), ("%zz", "%zz"), ("%41%", "A%"), ("%4%41", "%4A"),
        ("%FF", "\u{FFFD}"), ("%2f%2F", "//"), ("a+b", "a+b"),
    ])
    func lenientDecodingNeverFails(_ encoded: String, _ text: String) {
        #expect(PercentEncoding.decodeLeniently(encoded) == text)
    }

    @Test(arguments: [("a+b", "a b"), ("%2B", "+"), ("%e2%82%ac", "€"), ("", "")])
    func formsHaveASpaceForAPlus(_ encoded: String, _ text: String) {
        #expect(PercentEncoding.decodeLeniently(encoded, plusIsSpace: true) == text)
    }

    @Test func digitsOfEitherCase() {
        for byte in UInt8.min...UInt8.max {
            #expect(HexDigit.value(byte).map(Int.init) == Int(String(UnicodeScalar(byte)), radix: 16))
        }
        #expect(String(decoding: (0...15).map(HexDigit.upperCase), as: UTF8.self) == "0123456789ABCDEF")
    }
}
