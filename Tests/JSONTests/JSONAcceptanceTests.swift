internal import Foundation
internal import JSON
internal import Testing

/// What the reader accepts and refuses: the classes of JSONTestSuite, by hand and, where the files are, by the files.
@Suite struct JSONAcceptanceTests {
    @Test(arguments: [
        "[]", "{}", "[[]   ]", "[\"\"]", "[1]", " [1] ", "\"\"", "null", "true", "false", "-0", "0", "42", "-1",
        "[123e45]", "[0e+1]", "[1E-2]", "[123.456789]", "[-0.000000000000000000000000000000000000000000000001]",
        "{\"a\":\"b\",\"a\":\"c\"}", "{\"\":0}", "{\"a\":[]}", "[1,null,true,false]", "[\"\\u0060\\u012a\\u12AB\"]",
        "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", "[\"\\\\u0000\"]", "[\"\\\\\\\\u0000\"]", "[\"\\uD801\\udc37\"]",
        "[\"\\uDBFF\\uDFFF\"]", "[\"\\uFFFF\"]", "[\"€𝄞\"]", "\n\t\r [1]\n", "[9223372036854775807]",
        "[-9223372036854775808]", "[18446744073709551615]",
    ])
    func accepts(_ text: String) throws {
        let document = try JSONDocument(parsing: Array(text.utf8))
        #expect(document.root.sourceBytes == Array(text.trimmingCharacters(in: .whitespacesAndNewlines).utf8))
    }

    @Test(arguments: [
        ("", JSONError.Code.empty), (" ", .empty), ("\n\n", .empty),
        ("[1 true]", .syntax), ("[1,]", .syntax), ("[,1]", .syntax), ("[1,,2]", .syntax), ("[", .syntax),
        ("]", .syntax),
        ("[1", .syntax), ("[1]]", .syntax), ("[1][2]", .syntax), ("{", .syntax), ("{\"a\"", .syntax),
        ("{\"a\":", .syntax), ("{\"a\" 1}", .syntax), ("{\"a\":1,}", .syntax), ("{a:1}", .syntax), ("{1:1}", .syntax),
        ("{'a':1}", .syntax), ("{\"a\":1 \"b\":2}", .syntax), ("[\"a\":1]", .syntax), ("{\"a\",\"b\"}", .syntax),
        ("nul", .syntax), ("True", .syntax), ("[tru]", .syntax), ("[nulll]", .syntax), ("NaN", .syntax),
        ("[Infinity]", .syntax), ("['a']", .syntax), ("[\"a]", .syntax), ("\"", .syntax), ("[\"\\x00\"]", .syntax),
        ("[\"\\u00A\"]", .syntax), ("[\"\\", .syntax), ("[\"\u{1}\"]", .syntax), ("[\"a\nb\"]", .syntax),
        ("[\"a\tb\"]", .syntax), ("/* c */[]", .syntax), ("[1]x", .syntax), ("[1]\u{0}", .syntax),
        ("\u{FEFF}{}", .syntax),
        ("[-]", .number), ("[01]", .number), ("[1.]", .number), ("[.5]", .syntax), ("[+1]", .syntax), ("[1e]", .number),
        ("[1e+]", .number), ("[0x1]", .number), ("[1_000]", .number), ("[-01]", .number), ("[1.5.2]", .number),
        ("[18446744073709551616]", .number), ("[1e999]", .number),
        ("[\"\\u0000\"]", .nul), ("{\"\\u0000\":1}", .nul), ("[\"a\\\\\\u0000\"]", .nul),
        ("[\"\\uD800\"]", .loneSurrogate), ("[\"\\uDC00\"]", .loneSurrogate), ("[\"\\uD800\\uD800\"]", .loneSurrogate),
        ("[\"\\uD800x\"]", .loneSurrogate), ("[\"\\uD800\\n\"]", .loneSurrogate),
        ("[\"\\udfff\\ud800\"]", .loneSurrogate),
        ("{\"\\uDEAD\":1}", .loneSurrogate), ("[\"\\uD834\\uE000\"]", .loneSurrogate),
    ])
    func refuses(_ text: String, with code: JSONError.Code) {
        let error = #expect(throws: JSONError.self) { try JSONDocument(parsing: Array(text.utf8)) }
        #expect(error?.code == code)
        #expect(error?.isRetriable == false)
    }

    @Test(arguments: [
        [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xE0, 0x80, 0xAF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
        [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0x22, 0xC3, 0x22], [0x5B, 0xE9, 0x5D], [0xFF, 0xFE, 0x5B, 0x00],
    ])
    func refusesWhatIsNotUTF8(_ bytes: [UInt8]) {
        let error = #expect(throws: JSONError.self) { try JSONDocument(parsing: bytes) }
        #expect(error?.code == .invalidUTF8)
    }

    @Test(arguments: [("[", "]"), ("{\"a\":", "}")])
    func nestsToTheLimitAndNotBeyond(open: String, close: String) throws {
        func nested(_ depth: Int) -> [UInt8] {
            let inner = open == "[" ? "" : "1"
            return Array((String(repeating: open, count: depth) + inner + String(repeating: close, count: depth)).utf8)
        }
        _ = try JSONDocument(parsing: nested(64))
        let error = #expect(throws: JSONError.self) { try JSONDocument(parsing: nested(65)) }
        #expect(error?.code == .tooDeep)
        _ = try JSONDocument(parsing: nested(3), maximumDepth: 3)
        #expect(throws: JSONError(.tooDeep)) { try JSONDocument(parsing: nested(4), maximumDepth: 3) }
        #expect(throws: JSONError(.tooDeep)) { try JSONDocument(parsing: nested(100_000)) }
    }

    @Test func tellsWhereAForbiddenEscapeIs() {
        #expect(throws: JSONError(.nul, offset: 4)) { try JSONDocument(parsing: Array(#"["ab\u0000"]"#.utf8)) }
    }

    @Test func refusesATextThatIsTooLarge() {
        let text = [UInt8](repeating: UInt8(ascii: " "), count: 16 << 20) + [UInt8(ascii: "1")]
        #expect(throws: JSONError(.tooLarge)) { try JSONDocument(parsing: text) }
    }

    @Test(.enabled(if: JSONTestSuite.folder != nil, "FLORIN_DATA does not point at a folder with json/test_parsing"))
    func agreesWithJSONTestSuite() throws {
        let files = try JSONTestSuite.files()
        #expect(files.count > 300)
        for file in files {
            let bytes = [UInt8](try Data(contentsOf: file))
            let accepted = (try? JSONDocument(parsing: bytes)) != nil
            let name = file.lastPathComponent
            if name.hasPrefix("n_") { #expect(!accepted, "accepted \(name)") }
            if name.hasPrefix("y_") && !JSONTestSuite.stricter.contains(name) { #expect(accepted, "refused \(name)") }
            if JSONTestSuite.stricter.contains(name) { #expect(!accepted, "accepted \(name)") }
        }
    }
}

/// The files of JSONTestSuite, where the environment says they are.
enum JSONTestSuite {
    /// Valid JSON that this reader refuses on purpose: NUL in a string or key.
    static let stricter: Set<String> = ["y_string_null_escape.json", "y_object_escaped_null_in_key.json"]

    static var folder: URL? {
        guard let data = ProcessInfo.processInfo.environment["FLORIN_DATA"] else { return nil }
        let folder = URL(fileURLWithPath: data).appendingPathComponent("json/test_parsing")
        return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
    }

    static func files() throws -> [URL] {
        guard let folder else { return [] }
        return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    }
}
