import TestKit
internal import Foundation
internal import JSON
internal import Testing

/// What the writer appends.
@Suite struct JSONWriterTests {
    private func written(_ body: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        body(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test func writesNestedValues() {
        let text = written { writer in
            writer.beginObject()
            writer.key("a")
            writer.beginArray()
            writer.int(1)
            writer.bool(true)
            writer.beginObject()
            writer.endObject()
            writer.null()
            writer.endArray()
            writer.key(text: "b\"")
            writer.strings(["x", "y"])
            writer.key("c")
            writer.raw(Array("[1.50]".utf8))
            writer.key("d")
            writer.strings([])
            writer.key("e")
            writer.bool(false)
            writer.endObject()
        }
        #expect(text == #"{"a":[1,true,{},null],"b\"":["x","y"],"c":[1.50],"d":[],"e":false}"#)
    }

    @Test(arguments: [
        (Int64(0), "0"), (7, "7"), (-7, "-7"), (1_000_000, "1000000"), (Int64.max, "9223372036854775807"),
        (Int64.min, "-9223372036854775808"),
    ])
    func writesNumbers(_ number: Int64, _ expected: String) {
        #expect(written { $0.int(number) } == expected)
    }

    @Test(arguments: [
        ("", #""""#), ("a", #""a""#), ("\"\\/", #""\"\\/""#), ("\n\r\t\u{8}\u{C}", #""\n\r\t\b\f""#),
        ("\u{0}\u{1}\u{1F}", #""\u0000\u0001\u001f""#), ("é€𝄞\u{7F}", "\"é€𝄞\u{7F}\""), ("a\"", #""a\"""#),
        ("\"a", #""\"a""#),
    ])
    func escapesStrings(_ text: String, _ expected: String) {
        #expect(written { $0.string(text) } == expected)
    }

    @Test func everyScalarComesBackAsItWas() throws {
        var generator = SeededGenerator(seed: 0xFEED)
        for _ in 0..<2_000 {
            let scalars = (0..<8).compactMap { _ in Unicode.Scalar(UInt32(generator.next() % 0x11_0000)) }
            let text = String(String.UnicodeScalarView(scalars.filter { $0 != "\0" }))
            var writer = JSONWriter()
            writer.string(text)
            #expect(try JSONDocument(parsing: writer.bytes).root.string == text)
        }
    }

    @Test func otherReadersUnderstandIt() throws {
        var writer = JSONWriter(capacity: 0)
        writer.beginObject()
        writer.key("text")
        writer.string("a\u{1}\"\\é")
        writer.key("number")
        writer.int(-42)
        writer.endObject()
        let object = try #require(try JSONSerialization.jsonObject(with: Data(writer.bytes)) as? [String: Any])
        #expect(object["text"] as? String == "a\u{1}\"\\é")
        #expect(object["number"] as? Int == -42)
    }
}
