import TestKit
internal import JSON
internal import Testing

/// What a document tells about its values.
@Suite struct JSONReaderTests {
    private func root(_ text: String) throws -> JSONValue { try JSONDocument(parsing: Array(text.utf8)).root }

    @Test func tellsKinds() throws {
        let values = Array(
            try root(#"[{}, [], "", 0, -9223372036854775808, 9223372036854775808, 0.5, 1e2, true, false, null]"#)
                .elements)
        #expect(
            values.map(\.kind) == [
                .object, .array, .string, .integer, .integer, .unsigned, .fraction, .fraction, .bool, .bool, .null,
            ])
        #expect(values.map(\.isContainer) == [true, true] + Array(repeating: false, count: 9))
        #expect(values.last?.isNull == true)
    }

    @Test(arguments: [
        ("0", 0), ("-1", -1), ("9223372036854775807", Int64.max), ("-9223372036854775808", Int64.min),
    ])
    func readsWholeNumbers(_ text: String, _ expected: Int64) throws {
        let value = try root(text)
        #expect(value.int64 == expected)
        #expect(value.numberText == text)
        #expect(value.uint64 == UInt64(exactly: expected))
    }

    @Test(arguments: ["1.0", "1e0", "18446744073709551615", "\"1\"", "true", "null", "[1]"])
    func otherValuesAreNoWholeNumber(_ text: String) throws {
        #expect(try root(text).int64 == nil)
    }

    @Test(arguments: ["1.50", "-0.000", "1E+2", "12345678901234567890.5", "18446744073709551615"])
    func keepsNumbersAsTheyAreWritten(_ text: String) throws {
        let list = try root(" [ \(text) , \(text)\n]")
        #expect(list.elements.map(\.numberText) == [text, text])
        #expect(list.elements.map(\.double) == [Double(text), Double(text)])
    }

    @Test func valuesOfOtherKindsHaveNoTypedValue() throws {
        for text in ["{}", "[]", "null"] {
            let value = try root(text)
            #expect(value.string == nil && value.bool == nil && value.double == nil && value.numberText == nil)
            #expect(value.uint64 == nil)
        }
        #expect(Array(try root("1").members).isEmpty)
        #expect(Array(try root("{}").elements).isEmpty)
        #expect(try root("[]")["a"] == nil)
    }

    @Test(arguments: [
        (#""a""#, "a"), (#""""#, ""), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u00e9\u20AC""#, "é€"),
        (#""\uD834\uDD1E""#, "𝄞"), (#""€𝄞""#, "€𝄞"), (#""\\u0041""#, "\\u0041"), (#""\u007F""#, "\u{7F}"),
    ])
    func unescapesStrings(_ text: String, _ expected: String) throws {
        #expect(try root(text).string == expected)
    }

    @Test func keepsMembersInOrderWithDuplicates() throws {
        let value = try root(#"{"b": 1, "a": [2, {"c": 3}], "b": {"d": 4}, "": null}"#)
        #expect(value.members.map(\.key) == ["b", "a", "b", ""])
        #expect(value["b"]?.int64 == 1)
        #expect(value["missing"] == nil)
        #expect(value["a"]?.elements.map(\.kind) == [.integer, .object])
    }

    @Test func givesTheTextOfAnyValue() throws {
        let value = try root(#" {"a" : { "x":[1 , "]}" ] } , "b": "q\"\\", "c" :-1.50 ,"d":true,"e":[ ]} "#)
        let texts = value.members.map { String(decoding: $0.value.sourceBytes, as: UTF8.self) }
        #expect(texts == [#"{ "x":[1 , "]}" ] }"#, #""q\"\\""#, "-1.50", "true", "[ ]"])
        #expect(String(decoding: value.sourceBytes, as: UTF8.self).hasPrefix(#"{"a" :"#))
    }

    @Test(arguments: [
        (#"{"a":1,"b":2}"#, nil), (#"{"a":1,"a":2}"#, "a"), (#"{"a":{"b":1,"c":[],"b":2}}"#, "a.b"),
        (#"[1,{"x":[{"y":1,"y":1}]}]"#, "1.x.0.y"), (#"[{"a":1},{"a":1}]"#, nil), (#"{"a":1,"\u0061":1}"#, "a"),
        ("1", nil),
    ])
    func findsDuplicateKeys(_ text: String, _ path: String?) throws {
        #expect(try JSONDocument(parsing: Array(text.utf8)).firstDuplicateKey() == path)
    }

    @Test func valuesOutliveTheReferenceToTheirDocument() throws {
        var values: [JSONValue] = []
        for number in 0..<100 { values.append(try root("[\(number), \"text \(number)\"]")) }
        for (number, value) in values.enumerated() {
            #expect(value.elements.map(\.int64) == [Int64(number), nil])
            #expect(value.elements.map(\.string) == [nil, "text \(number)"])
        }
    }

    @Test func readsOnManyThreads() async throws {
        let document = try JSONDocument(parsing: Array(#"{"list":[1,2,3],"text":"x"}"#.utf8))
        let sums = await withTaskGroup(of: Int64.self) { group in
            for number in 0..<64 {
                group.addTask {
                    let own = (try? JSONDocument(parsing: Array("[\(number)]".utf8)))?.root.elements.compactMap(\.int64)
                    let shared = document.root["list"]?.elements.compactMap(\.int64) ?? []
                    return (own ?? []).reduce(0, +) + shared.reduce(0, +)
                }
            }
            return await group.reduce(0, +)
        }
        #expect(sums == (0..<64).reduce(0, +) + 64 * 6)
    }

    @Test func survivesRandomBytes() {
        var generator = SeededGenerator(seed: 0x5EED)
        let alphabet = Array(#"{}[]",:\u0dD8Ccetrufalsn 12.-+eE"#.utf8) + [0, 0xC3, 0xA9, 0xED, 0xA0, 0x80]
        var accepted = 0
        for _ in 0..<20_000 {
            let count = Int(generator.next() % 24)
            let text = (0..<count).map { _ in alphabet[Int(generator.next() % UInt64(alphabet.count))] }
            guard let document = try? JSONDocument(parsing: text) else { continue }
            accepted += 1
            #expect((try? JSONDocument(parsing: document.root.sourceBytes)) != nil)
        }
        #expect(accepted > 0)
    }
}
