import Testing
import WireCodecs

@Suite struct Base64Tests {
    /// RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func vectors(_ text: String, _ encoded: String) {
        let bytes = [UInt8](text.utf8)
        let bare = String(encoded.prefix { $0 != "=" })
        #expect(Base64.encode(bytes) == encoded)
        #expect(Base64.encode(bytes, isPadded: false) == bare)
        for padding in [Base64.Padding.required, .optional] {
            #expect(Base64.decode(encoded, padding: padding) == bytes)
        }
        #expect(Base64.decode(bare, padding: .optional) == bytes)
        #expect((Base64.decode(bare) == nil) == (bare != encoded))
    }

    @Test(arguments: [
        "Z", "Zg=", "Zm9v=", "Zm9vY", "Zg===", "=", "====", "Z g", "Zg\n", "Zm-v", "Zm_v", "é", "Zh==", "Zm9=", "Zh",
    ])
    func refuses(_ text: String) {
        #expect(Base64.decode(text) == nil)
        #expect(Base64.decode(text, padding: .optional) == nil)
    }

    @Test func carriesAnyBytes() {
        for count in 0..<70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 250) }
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
            #expect(Base64.decode(Base64.encode(bytes, isPadded: false), padding: .optional) == bytes)
        }
    }
}
