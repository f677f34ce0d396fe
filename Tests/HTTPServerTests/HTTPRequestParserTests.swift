import Testing
import TestKit

@testable import HTTPServer

@Suite struct HTTPRequestParserTests {
    @Test(arguments: acceptedRequests.map(\.name))
    func accepts(name: String) throws {
        let text = try #require(acceptedRequests.first { $0.name == name }).text
        let outcome = ParserOutcome.of(text)
        #expect(outcome.refusal == nil)
        #expect(!outcome.requests.isEmpty)
        #expect(!outcome.requests.contains { !$0.isComplete })
    }

    @Test(arguments: refusedRequests.indices)
    func refuses(index: Int) {
        let (text, rule) = refusedRequests[index]
        #expect(ParserOutcome.of(text).refusal == rule, "\(text.debugDescription)")
    }

    @Test(arguments: refusedChunks.indices)
    func refusesChunks(index: Int) {
        let (body, rule) = refusedChunks[index]
        let text = requestText("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body: body)
        #expect(ParserOutcome.of(text).refusal == rule, "\(body.debugDescription)")
    }

    /// The same bytes give the same outcome wherever they are cut, in two pieces or byte by byte.
    @Test func doesNotDependOnHowBytesAreCut() {
        let chunked = refusedChunks.map {
            requestText("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body: $0.body)
        }
        for text in acceptedRequests.map(\.text) + refusedRequests.map(\.text) + chunked {
            let bytes = Array(text.utf8)
            let whole = ParserOutcome.of([bytes])
            for cut in 0...bytes.count {
                let pieces = ParserOutcome.of([Array(bytes[..<cut]), Array(bytes[cut...])])
                if pieces != whole {
                    Issue.record("cut at \(cut) of \(text.debugDescription): \(pieces), whole: \(whole)")
                }
            }
            #expect(ParserOutcome.of(bytes.map { [$0] }) == whole)
        }
    }

    @Test func limitsDoNotDependOnHowBytesAreCut() {
        var limits = HTTPLimits()
        limits.requestLine = 24
        limits.headers = 40
        limits.headerCount = 3
        for padding in 0...30 {
            let long = String(repeating: "x", count: padding)
            for text in [
                requestText("GET /\(long) HTTP/1.1", "Host: a"), requestText("GET / HTTP/1.1", "Host: a", "X: \(long)"),
                "GET /\(long)\n", "GET / HTTP/1.1\r\nHost: a\r\nX: \(long)\n",
            ] {
                let bytes = Array(text.utf8)
                let whole = ParserOutcome.of([bytes], limits: limits)
                for cut in 0...bytes.count {
                    #expect(ParserOutcome.of([Array(bytes[..<cut]), Array(bytes[cut...])], limits: limits) == whole)
                }
                #expect(ParserOutcome.of(bytes.map { [$0] }, limits: limits) == whole)
            }
        }
    }

    /// Whatever comes, the parser ends, takes all of its input or refuses, and does not trap.
    @Test func survivesChangedBytes() {
        var generator = SeededGenerator(seed: 7)
        let seeds = (acceptedRequests.map(\.text) + refusedRequests.map(\.text)).map { Array($0.utf8) }
        for round in 0..<6000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
                default: if bytes.count > 1 { bytes.remove(at: place) }
                }
            }
            let cut = Int.random(in: 0...bytes.count, using: &generator)
            let whole = ParserOutcome.of([bytes])
            #expect(ParserOutcome.of([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole)
        }
    }

    @Test func readsWhatItIsGiven() throws {
        let text = requestText(
            "POST /a%2Fb/c%20d/?q=x+y&e=%C3%A9&n&=v HTTP/1.1", "Host: a", "X-One: 1", "x-one:  2 ", "Content-Length: 2",
            body: "hi")
        let outcome = ParserOutcome.of(text)
        #expect(outcome.requests.count == 1)
        #expect(outcome.requests[0].headers == ["Host=a", "X-One=1", "x-one=2", "Content-Length=2"])
        #expect(outcome.requests[0].body == Array("hi".utf8))
        let head = try head(of: text)
        #expect(head.path == "/a%2Fb/c%20d/")
        #expect(head.pathSegments == ["a/b", "c d", ""])
        #expect(head.query.map(\.name) == ["q", "e", "n", ""])
        #expect(head.query.map(\.value) == ["x y", "é", "", "v"])
        #expect(head.headers["X-ONE"] == "1")
        #expect(head.headers.values("x-one") == ["1", "2"])
        #expect(head.framing == .length(2))
    }

    @Test(arguments: [
        ("GET http://a/x?y HTTP/1.1", "/x", "y"), ("GET http://a HTTP/1.1", "/", nil),
        ("GET https://a?y HTTP/1.1", "/", "y"),
        ("OPTIONS * HTTP/1.1", "*", nil), ("GET /? HTTP/1.1", "/", ""),
    ])
    func takesTargetsApart(line: String, path: String, query: String?) throws {
        let head = try head(of: requestText(line, "Host: a"))
        #expect(head.path == path)
        #expect(head.rawQuery == query)
    }

    @Test(arguments: [
        (["GET / HTTP/1.1", "Host: a"], true), (["GET / HTTP/1.1", "Host: a", "Connection: close"], false),
        (["GET / HTTP/1.1", "Host: a", "Connection: keep-alive, CLOSE"], false), (["GET / HTTP/1.0"], false),
        (["GET / HTTP/1.0", "Connection: keep-alive"], true),
        (["GET / HTTP/1.0", "Connection: keep-alive, close"], false),
    ])
    func knowsWhetherTheConnectionGoesOn(lines: [String], expected: Bool) throws {
        #expect(try head(of: lines.joined(separator: "\r\n") + "\r\n\r\n").keepsAlive == expected)
    }

    @Test func keepsToItsLimits() {
        let longTarget = "/" + String(repeating: "a", count: 8 << 10)
        #expect(ParserOutcome.of(requestText("GET \(longTarget) HTTP/1.1", "Host: a")).refusal == .requestLineTooLong)
        #expect(ParserOutcome.of("GET " + longTarget).refusal == .requestLineTooLong)
        let exact = "GET /" + String(repeating: "a", count: (8 << 10) - 14) + " HTTP/1.1"
        #expect(ParserOutcome.of(requestText(exact, "Host: a")).refusal == nil)
        let field = "X: " + String(repeating: "a", count: 1000)
        let fields = Array(repeating: field, count: 17).joined(separator: "\r\n")
        #expect(ParserOutcome.of(requestText("GET / HTTP/1.1", "Host: a", fields)).refusal == .headersTooLarge)
        let many = Array(repeating: "X: y", count: 100).joined(separator: "\r\n")
        #expect(ParserOutcome.of(requestText("GET / HTTP/1.1", "Host: a", many)).refusal == .tooManyHeaders)
        #expect(ParserOutcome.of(requestText("GET / HTTP/1.1", "Host: a", String(many.dropLast(6)))).refusal == nil)
    }

    @Test func refusesTinyChunksWithLongExtensions() {
        let chunk = "1;" + String(repeating: "x", count: 200) + "\r\na\r\n"
        let text = requestText(
            "POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body: String(repeating: chunk, count: 1000))
        #expect(ParserOutcome.of(text).refusal == .excessiveFraming)
        let plain = requestText(
            "POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked",
            body: String(repeating: "1\r\na\r\n", count: 50000) + "0\r\n\r\n")
        #expect(ParserOutcome.of(plain).requests.first?.body.count == 50000)
    }

    @Test func bodyLimitIsThatOfTheRequest() {
        var parser = HTTPRequestParser(bodyLimit: 3)
        let first = Array(requestText("POST / HTTP/1.1", "Host: a", "Content-Length: 5", body: "hello").utf8)
        var offset = 0
        guard case .head = unsafe parser.next(in: first.span.bytes, from: &offset) else {
            Issue.record("no head")
            return
        }
        parser.bodyLimit = 5
        guard case .body = unsafe parser.next(in: first.span.bytes, from: &offset),
            case .end = unsafe parser.next(in: first.span.bytes, from: &offset)
        else {
            Issue.record("no content")
            return
        }
        #expect(parser.bodyLimit == 3)
        #expect(parser.isBetweenRequests)
        #expect(ParserOutcome.of([first], bodyLimit: 4).refusal == .bodyTooLarge)
        let chunks = requestText("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body: "3\r\nabc\r\n2\r\n")
        #expect(ParserOutcome.of(chunks, bodyLimit: 4).refusal == .bodyTooLarge)
    }

    @Test func everyRuleHasAStatusOfAnError() {
        for rule in HTTPRefusal.Rule.allCases { #expect((400...599).contains(HTTPRefusal(rule).status)) }
        #expect(HTTPRefusal(.headersTooLarge).status == 431)
        #expect(HTTPRefusal(.requestLineTooLong).status == 414)
        #expect(HTTPRefusal(.bodyTooLarge).status == 413)
        #expect(HTTPRefusal(.headTimeout).status == 408)
        #expect(HTTPRefusal(.unknownMethod).status == 501)
        #expect(HTTPRefusal(.unsupportedVersion).status == 505)
        #expect(HTTPRefusal(.ambiguousFraming).status == 400)
    }

    private func head(of text: String) throws -> HTTPRequestHead {
        var parser = HTTPRequestParser()
        var offset = 0
        let bytes = Array(text.utf8)
        guard case .head(let head) = unsafe parser.next(in: bytes.span.bytes, from: &offset) else {
            throw HTTPRefusal(.malformedRequestLine)
        }
        return head
    }
}
