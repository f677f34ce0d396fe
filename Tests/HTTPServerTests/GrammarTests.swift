import Testing

@testable import HTTPServer

/// The rules of the RFCs one by one, against lists written out here.
@Suite struct GrammarTests {
    @Test func characterClasses() {
        let token = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8
        let target = "-._~:/?[]@!$&'()*+,;=%0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8
        for byte in UInt8.min...UInt8.max {
            #expect(ByteRules.isToken(byte) == token.contains(byte))
            #expect(ByteRules.isTarget(byte) == target.contains(byte))
            #expect(ByteRules.isFieldValue(byte) == (byte == 9 || (byte >= 32 && byte != 127)))
            #expect(ByteRules.isDigit(byte) == "0123456789".utf8.contains(byte))
            let isUpper = (65...90).contains(byte)
            #expect(ByteRules.lowercased(byte) == (isUpper ? byte + 32 : byte))
        }
        for byte in "@/?#[], :\\\"<>".utf8 { #expect(!ByteRules.isHost(byte)) }
    }

    @Test(arguments: [
        ("a", true), ("a.example", true), ("a.example:80", true), ("127.0.0.1:1", true), ("[::1]", true),
        ("[::1]:80", true),
        ("[::ffff:1.2.3.4]", true), ("a:", true), ("a%20b", true), ("_x-y~", true), ("", false), (":80", false),
        ("a:x", false), ("a:123456", false), ("a:80:80", false), ("[]", false), ("[:]", false), ("[::1", false),
        ("[::1]x", false), ("[g::]", false), ("a%", false), ("a%zz", false), ("a,b", false), ("a b", false),
        ("u@h", false),
    ])
    func authorities(text: String, isValid: Bool) {
        #expect(Authority.isValid(Array(text.utf8).span) == isValid)
    }

    @Test(arguments: [
        ("/", true), ("/%41", true), ("/%e2%82%ac", true), ("/%", false), ("/%4", false), ("/%4x", false),
        ("/%00", false),
        ("/%ff", false), ("/%e2%82", false), ("/%c0%80", false), ("/%ed%a0%80", false),
    ])
    func percentEncoding(text: String, isValid: Bool) {
        #expect(Array(text.utf8).span.isPercentEncodedText == isValid)
    }

    @Test(arguments: [
        ("A:b", "A", "b"), ("A: b ", "A", "b"), ("A:\t b c\t", "A", "b c"), ("A:", "A", ""), ("A: \t ", "A", ""),
        ("A::", "A", ":"),
    ])
    func fieldLines(text: String, name: String, value: String) throws {
        let bytes = Array(text.utf8)
        let field = try FieldLine.parse(bytes.span).get()
        #expect(String(decoding: bytes[field.name], as: UTF8.self) == name)
        #expect(String(decoding: bytes[field.value], as: UTF8.self) == value)
    }

    @Test(arguments: [
        ([UInt8]("A: \u{E9}".utf8), true), ([0x41, 0x3A, 0xE9], false), ([0x41, 0x3A, 0xC0, 0x80], false),
    ])
    func fieldValuesAreUTF8(bytes: [UInt8], isValid: Bool) {
        if case .success = FieldLine.parse(bytes.span) { #expect(isValid) } else { #expect(!isValid) }
    }

    @Test func methodsAreKnownByTheirExactNames() {
        for method in HTTPMethod.allCases {
            #expect(HTTPMethod.named(Array(method.rawValue.utf8).span) == method)
            #expect(HTTPMethod.named(Array(method.rawValue.lowercased().utf8).span) == nil)
            #expect(HTTPMethod.named(Array((method.rawValue + "X").utf8).span) == nil)
        }
        #expect(HTTPMethod.allCases.filter(\.isSafe) == [.get, .head, .options, .trace, .query])
    }
}

@Suite struct ResponseEncoderTests {
    typealias Framing = ResponseEncoder.Framing

    private func head(_ status: Int, _ framing: Framing, _ headers: HTTPHeaders = [:]) -> String {
        var output: [UInt8] = []
        ResponseEncoder.writeHead(
            status: status, headers: headers, framing: framing, date: Array("Date: now\r\n".utf8), to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test func framesResponses() {
        #expect(
            head(200, Framing(length: .bytes(12), closes: false, version: .http11), ["X": "y"])
                == "HTTP/1.1 200 OK\r\nDate: now\r\nX: y\r\nContent-Length: 12\r\n\r\n")
        #expect(
            head(404, Framing(length: .chunked, closes: true, version: .http11))
                == "HTTP/1.1 404 Not Found\r\nDate: now\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
        #expect(
            head(204, Framing(length: .none, closes: false, version: .http10))
                == "HTTP/1.1 204 No Content\r\nDate: now\r\nConnection: keep-alive\r\n\r\n")
        #expect(
            head(200, Framing(length: .untilClose, closes: true, version: .http10))
                == "HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\n\r\n")
    }

    @Test(arguments: [(100, 500), (199, 500), (600, 500), (-1, 500), (0, 500), (200, 200), (599, 599), (299, 299)])
    func statusesOutOfRangeAreOurFault(given: Int, sent: Int) {
        let line = head(given, Framing(length: .none, closes: false, version: .http11))
        #expect(line.hasPrefix("HTTP/1.1 \(sent) "))
    }
}
