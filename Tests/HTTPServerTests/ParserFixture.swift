@testable import HTTPServer

/// What a parser made of some bytes, in a form that compares.
struct ParserOutcome: Equatable, Sendable, CustomStringConvertible {
    struct Request: Equatable, Sendable {
        var line = ""
        var headers: [String] = []
        var body: [UInt8] = []
        var keepsAlive = false
        var expectsContinue = false
        var isComplete = false
    }

    var requests: [Request] = []
    var refusal: HTTPRefusal.Rule?

    var description: String { "\(requests) \(refusal?.rawValue ?? "accepted")" }

    /// Feeds the pieces one after another.
    static func of(
        _ pieces: [[UInt8]], limits: HTTPLimits = HTTPLimits(), bodyLimit: Int = 1 << 20
    ) -> ParserOutcome {
        var parser = HTTPRequestParser(limits: limits, bodyLimit: bodyLimit)
        var outcome = ParserOutcome()
        for piece in pieces where outcome.refusal == nil { outcome.feed(piece, to: &parser) }
        return outcome
    }

    static func of(_ text: String, limits: HTTPLimits = HTTPLimits(), bodyLimit: Int = 1 << 20) -> ParserOutcome {
        of([Array(text.utf8)], limits: limits, bodyLimit: bodyLimit)
    }

    private mutating func feed(_ piece: [UInt8], to parser: inout HTTPRequestParser) {
        var offset = 0
        while true {
            switch unsafe parser.next(in: piece.span.bytes, from: &offset) {
            case .needsInput:
                precondition(offset == piece.count, "needsInput means that all was taken")
                return
            case .head(let head):
                requests.append(
                    Request(
                        line: "\(head.method.rawValue) \(head.target) \(head.version)",
                        headers: head.headers.all.map { "\($0.name)=\($0.value)" }, keepsAlive: head.keepsAlive,
                        expectsContinue: head.expectsContinue))
            case .body(let range): requests[requests.count - 1].body += piece[range]
            case .end: requests[requests.count - 1].isComplete = true
            case .refused(let refusal):
                self.refusal = refusal.rule
                return
            }
        }
    }
}

/// A head from its lines.
func requestText(_ lines: String..., body: String = "") -> String {
    lines.joined(separator: "\r\n") + "\r\n\r\n" + body
}

/// Requests that are in order, by name.
let acceptedRequests: [(name: String, text: String)] = [
    ("plain", requestText("GET / HTTP/1.1", "Host: a")),
    ("no space", requestText("GET /a?b=c HTTP/1.1", "Host:a")),
    ("white space around the value", requestText("GET / HTTP/1.1", "Host: \t a \t ", "X:")),
    ("length", requestText("POST /x HTTP/1.1", "Host: a:80", "Content-Length: 5", body: "hello")),
    ("length zero", requestText("POST /x HTTP/1.1", "Host: a", "Content-Length: 0")),
    ("length with leading zeros", requestText("POST /x HTTP/1.1", "Host: a", "Content-Length: 005", body: "hello")),
    (
        "chunked",
        requestText(
            "POST /x HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body: "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n")
    ),
    (
        "chunk extensions and trailers",
        requestText(
            "PUT /x HTTP/1.1", "host: a", "TRANSFER-ENCODING: Chunked",
            body: "00a;x=\"y z\";q\r\n0123456789\r\n0;last\r\nChecksum: 1\r\n\r\n")
    ),
    (
        "pipelined",
        requestText("GET /1 HTTP/1.1", "Host: a") + requestText("GET /2 HTTP/1.1", "Host: a", "Connection: close")
    ),
    (
        "pipelined after content",
        requestText("POST /1 HTTP/1.1", "Host: a", "Content-Length: 2", body: "hi")
            + requestText("POST /2 HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body: "1\r\na\r\n0\r\n\r\n")
            + requestText("DELETE /3 HTTP/1.1", "Host: a")
    ),
    ("one empty line first", "\r\n" + requestText("GET / HTTP/1.1", "Host: a")),
    ("version 1.0", requestText("GET / HTTP/1.0")),
    ("version 1.0 kept alive", requestText("GET / HTTP/1.0", "Connection: Keep-Alive")),
    ("a later minor version", requestText("GET / HTTP/1.7", "Host: a")),
    ("absolute target", requestText("GET http://A.example:80/x?y HTTP/1.1", "Host: a.example:80")),
    ("absolute target without path", requestText("GET http://a HTTP/1.1", "Host: a")),
    ("asterisk", requestText("OPTIONS * HTTP/1.1", "Host: a")),
    ("IPv6 host", requestText("GET / HTTP/1.1", "Host: [::1]:8080")),
    ("expectation", requestText("PUT / HTTP/1.1", "Host: a", "Expect: 100-Continue", "Content-Length: 1", body: "x")),
    ("UTF-8 in a value", requestText("GET / HTTP/1.1", "Host: a", "X-Name: Zoë")),
    ("all the target's characters", requestText("GET /-._~:@!$&'()*+,;=%20%C3%A9/?[]/?: HTTP/1.1", "Host: a")),
    ("a list of connection options", requestText("GET / HTTP/1.1", "Host: a", "Connection: x, Close ,y")),
]

/// Requests that are refused, with the rule.
let refusedRequests: [(text: String, rule: HTTPRefusal.Rule)] = [
    (requestText("GET / HTTP/1.1", "Host: a", "Content-Length: 1", "Transfer-Encoding: chunked"), .ambiguousFraming),
    (requestText("GET / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Content-Length: 1"), .ambiguousFraming),
    (requestText("GET / HTTP/1.0", "Host: a", "Transfer-Encoding: chunked"), .ambiguousFraming),
    (requestText("GET / HTTP/1.1", "Host: a", "Content-Length: 1", "Content-Length: 1"), .duplicateContentLength),
    (requestText("GET / HTTP/1.1", "Host: a", "Content-Length: 1", "content-length: 2"), .duplicateContentLength),
    (requestText("GET / HTTP/1.1", "Host: a", "Content-Length: 1, 1"), .invalidContentLength),
    (requestText("GET / HTTP/1.1", "Host: a", "Content-Length: +1"), .invalidContentLength),
    (requestText("GET / HTTP/1.1", "Host: a", "Content-Length: -1"), .invalidContentLength),
    (requestText("GET / HTTP/1.1", "Host: a", "Content-Length: 0x1"), .invalidContentLength),
    (requestText("GET / HTTP/1.1", "Host: a", "Content-Length:"), .invalidContentLength),
    (requestText("GET / HTTP/1.1", "Host: a", "Content-Length: 1 2"), .invalidContentLength),
    (requestText("GET / HTTP/1.1", "Host: a", "Content-Length: 18446744073709551617"), .invalidContentLength),
    (requestText("GET / HTTP/1.1", "Host: a", "Content-Length: 1048577"), .bodyTooLarge),
    (requestText("GET / HTTP/1.1", "Host: a", "Transfer-Encoding: gzip, chunked"), .unsupportedTransferEncoding),
    (requestText("GET / HTTP/1.1", "Host: a", "Transfer-Encoding: gzip"), .invalidTransferEncoding),
    (requestText("GET / HTTP/1.1", "Host: a", "Transfer-Encoding: identity"), .invalidTransferEncoding),
    (requestText("GET / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked, gzip"), .invalidTransferEncoding),
    (requestText("GET / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked, chunked"), .invalidTransferEncoding),
    (requestText("GET / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked,"), .invalidTransferEncoding),
    (requestText("GET / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked;x"), .invalidTransferEncoding),
    (requestText("GET / HTTP/1.1", "Host: a", "Transfer-Encoding: \"chunked\""), .invalidTransferEncoding),
    (requestText("GET / HTTP/1.1", "Host: a", "Transfer-Encoding:"), .invalidTransferEncoding),
    (
        requestText("GET / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        .invalidTransferEncoding
    ),
    (requestText("GET / HTTP/1.1", "Host: a", "Transfer-Encoding: \u{0B}chunked"), .forbiddenByte),
    (requestText("GET / HTTP/1.1", "Host: a", "Transfer-Encoding : chunked"), .malformedField),
    (requestText("GET / HTTP/1.1", "Host : a"), .malformedField),
    (requestText("GET / HTTP/1.1", "Host\t: a"), .malformedField),
    (requestText("GET / HTTP/1.1", ": a"), .malformedField),
    (requestText("GET / HTTP/1.1", "Host"), .malformedField),
    (requestText("GET / HTTP/1.1", "Ho st: a"), .malformedField),
    (requestText("GET / HTTP/1.1", "Höst: a"), .malformedField),
    (requestText("GET / HTTP/1.1", "Ho\0st: a"), .malformedField),
    (requestText("GET / HTTP/1.1", " Host: a"), .foldedField),
    (requestText("GET / HTTP/1.1", "Host: a", " b"), .foldedField),
    (requestText("GET / HTTP/1.1", "Host: a", "\tb"), .foldedField),
    (requestText("GET / HTTP/1.1", "Host: a", "X: a\0b"), .forbiddenByte),
    (requestText("GET / HTTP/1.1", "Host: a", "X: a\rb"), .forbiddenByte),
    (requestText("GET / HTTP/1.1", "Host: a", "X: a\u{7F}b"), .forbiddenByte),
    (requestText("GET / HTTP/1.1", "Host: a", "X: a\u{1}b"), .forbiddenByte),
    ("GET / HTTP/1.1\nHost: a\n\n", .bareLineFeed),
    ("GET / HTTP/1.1\r\nHost: a\n\r\n", .bareLineFeed),
    ("GET / HTTP/1.1\r\nHost: a\r\n\n", .bareLineFeed),
    ("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", .forbiddenByte),
    ("GET / HTTP/1.1\rHost: a\r\n\r\n", .malformedRequestLine),
    ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
    (requestText("GET / HTTP/1.1"), .missingHost),
    (requestText("GET / HTTP/1.1", "Host: a", "Host: a"), .duplicateHost),
    (requestText("GET / HTTP/1.0", "Host: a", "Host: a"), .duplicateHost),
    (requestText("GET / HTTP/1.1", "Host:"), .invalidHost),
    (requestText("GET / HTTP/1.1", "Host: a b"), .invalidHost),
    (requestText("GET / HTTP/1.1", "Host: a, b"), .invalidHost),
    (requestText("GET / HTTP/1.1", "Host: u@a"), .invalidHost),
    (requestText("GET / HTTP/1.1", "Host: a/b"), .invalidHost),
    (requestText("GET / HTTP/1.1", "Host: a:b"), .invalidHost),
    (requestText("GET / HTTP/1.1", "Host: a:123456"), .invalidHost),
    (requestText("GET / HTTP/1.1", "Host: [::1"), .invalidHost),
    (requestText("GET / HTTP/1.1", "Host: [x]"), .invalidHost),
    (requestText("GET / HTTP/1.1", "Host: a%"), .invalidHost),
    (requestText("GET http://b/ HTTP/1.1", "Host: a"), .invalidHost),
    (requestText("GET http://a:80/ HTTP/1.1", "Host: a"), .invalidHost),
    (requestText("GET http://u@a/ HTTP/1.1", "Host: a"), .malformedTarget),
    (requestText("GET http:///x HTTP/1.1", "Host: a"), .malformedTarget),
    (requestText("GET ftp://a/ HTTP/1.1", "Host: a"), .malformedTarget),
    (requestText("GET x HTTP/1.1", "Host: a"), .malformedTarget),
    (requestText("GET * HTTP/1.1", "Host: a"), .malformedTarget),
    (requestText("GET /#x HTTP/1.1", "Host: a"), .malformedTarget),
    (requestText("GET /é HTTP/1.1", "Host: a"), .malformedTarget),
    (requestText("GET /\u{1} HTTP/1.1", "Host: a"), .malformedTarget),
    (requestText("GET /\\ HTTP/1.1", "Host: a"), .malformedTarget),
    (requestText("GET /% HTTP/1.1", "Host: a"), .malformedTarget),
    (requestText("GET /%2 HTTP/1.1", "Host: a"), .malformedTarget),
    (requestText("GET /%zz HTTP/1.1", "Host: a"), .malformedTarget),
    (requestText("GET /%00 HTTP/1.1", "Host: a"), .malformedTarget),
    (requestText("GET /?a=%FF HTTP/1.1", "Host: a"), .malformedTarget),
    (requestText("GET /", "Host: a"), .malformedRequestLine),
    (requestText("GET", "Host: a"), .malformedRequestLine),
    (requestText("GET  / HTTP/1.1", "Host: a"), .malformedRequestLine),
    (requestText("GET /  HTTP/1.1", "Host: a"), .malformedRequestLine),
    (requestText("GET / HTTP/1.1 ", "Host: a"), .malformedRequestLine),
    (requestText("GET\t/\tHTTP/1.1", "Host: a"), .malformedRequestLine),
    (requestText(" GET / HTTP/1.1", "Host: a"), .malformedRequestLine),
    (requestText("GET /a b HTTP/1.1", "Host: a"), .malformedRequestLine),
    (requestText("GET / http/1.1", "Host: a"), .malformedRequestLine),
    (requestText("GET / HTTP/1.10", "Host: a"), .malformedRequestLine),
    (requestText("GET / HTTP/01.1", "Host: a"), .malformedRequestLine),
    (requestText("GET / HTTP/1", "Host: a"), .malformedRequestLine),
    (requestText("G@T / HTTP/1.1", "Host: a"), .malformedRequestLine),
    (requestText("get / HTTP/1.1", "Host: a"), .unknownMethod),
    (requestText("BREW / HTTP/1.1", "Host: a"), .unknownMethod),
    (requestText("CONNECT a:1 HTTP/1.1", "Host: a"), .unknownMethod),
    (requestText("GET / HTTP/2.0", "Host: a"), .unsupportedVersion),
    (requestText("GET / HTTP/0.9", "Host: a"), .unsupportedVersion),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion),
    (requestText("PUT / HTTP/1.1", "Host: a", "Expect: 200-ok"), .unknownExpectation),
    ("\u{16}\u{3}\u{1}\r\n\r\n", .malformedRequestLine),
]

/// Chunked contents that are refused, with the rule.
let refusedChunks: [(body: String, rule: HTTPRefusal.Rule)] = [
    ("\r\n", .malformedChunk), ("x\r\n", .malformedChunk), ("-1\r\n", .malformedChunk), ("+1\r\n", .malformedChunk),
    ("0x1\r\n", .malformedChunk), (" 1\r\n", .malformedChunk), ("1 \r\n", .malformedChunk),
    ("1 ;x\r\n", .malformedChunk),
    ("1,\r\n", .malformedChunk), ("1;a\0b\r\n", .malformedChunk), ("1;a\rb\r\n", .malformedChunk),
    ("1\na\n", .bareLineFeed), ("1\r\nab\r\n", .malformedChunk), ("1\r\na\n", .bareLineFeed),
    ("1\r\na0\r\n\r\n", .malformedChunk), ("ffffffffffffffff\r\n", .malformedChunk),
    ("10000000000000000\r\n", .malformedChunk), ("fffffffffffffff\r\n", .bodyTooLarge), ("100001\r\n", .bodyTooLarge),
    ("0\r\nX : y\r\n\r\n", .malformedField), ("0\r\nX: y\r\n z\r\n\r\n", .foldedField), ("0\r\n\n", .bareLineFeed),
    ("0\r\nX: \0\r\n\r\n", .forbiddenByte), ("1;" + String(repeating: "x", count: 255) + "\r\n", .malformedChunk),
]
