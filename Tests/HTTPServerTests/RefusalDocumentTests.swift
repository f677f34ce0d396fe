import Foundation
import HTTPServer
import Testing

/// `docs/http-refusals.md` is what the tables of these tests say; with FLORIN_WRITE_DOCUMENTS=1 it is written anew.
@Suite struct RefusalDocumentTests {
    private static let file = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "docs/http-refusals.md")

    @Test func tellsWhatIsRefused() throws {
        let text = Self.document()
        if ProcessInfo.processInfo.environment["FLORIN_WRITE_DOCUMENTS"] == "1" {
            try text.write(to: Self.file, atomically: true, encoding: .utf8)
        }
        let written = try String(contentsOf: Self.file, encoding: .utf8)
        #expect(written == text, "write it anew: FLORIN_WRITE_DOCUMENTS=1 scripts/run-tests HTTPServerTests")
        // Every rule has its line, but for the one that no request breaks.
        for rule in HTTPRefusal.Rule.allCases { #expect(text.contains("| `\(rule)` |"), "\(rule)") }
    }

    private static func document() -> String {
        var lines = [
            "# What the server refuses by itself", "",
            "Before any handler sees a request, the HTTP server refuses what is not well-formed, too large or too slow, with the",
            "status below; over HTTP/1.1 the connection closes after it, and nothing behind it is looked at. The public API",
            "answers with a problem document (RFC 9457) and the header fields of every other answer; what is left of the",
            "limit is told and not touched ([ADR 36](adr/0036-garbage-is-not-counted.md)). The tables are those of",
            "`Tests/HTTPServerTests`, which send each line over a socket; they are written by",
            "`RefusalDocumentTests`.", "",
            "## Rules", "", "| rule | status |", "|---|---|",
        ]
        lines += HTTPRefusal.Rule.allCases.map { "| `\($0)` | \(HTTPRefusal($0).status) |" }
        lines += [
            "", "## HTTP/1.1", "",
            "A line's end is CR LF and not shown; other control bytes are escaped.", "",
            "| request | status | rule |", "|---|---|---|",
        ]
        lines += refusedRequests.map { row(shown($0.text), $0.rule) }
        lines += limitedRequests.map { row($0.name, $0.rule) }
        lines += [
            "", "Content in chunks:", "", "| after the head with `Transfer-Encoding: chunked` | status | rule |",
            "|---|---|---|",
        ]
        lines += refusedChunks.map { row(shown($0.body), $0.rule) }
        lines += [
            "", "## HTTP/2", "",
            "What RFC 9113 calls malformed ends its stream with `PROTOCOL_ERROR`; what HTTP/1.1 could say too has the same status.",
            "Floods of frames without use end the connection with `ENHANCE_YOUR_CALM`.", "", "| request | answer |",
            "|---|---|",
        ]
        lines += malformedHTTP2Requests.map { name, outcome in
            "| \(name) | \(outcome == "reset 1" ? "`RST_STREAM` PROTOCOL_ERROR" : outcome.dropFirst("status ".count)) |"
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func row(_ request: String, _ rule: HTTPRefusal.Rule) -> String {
        "| \(request) | \(HTTPRefusal(rule).status) | `\(rule)` |"
    }

    /// A request as code, what is long cut short.
    private static func shown(_ text: String) -> String {
        var lines = text.replacing("\r\n", with: "\u{1F}").split(separator: "\u{1F}", omittingEmptySubsequences: false)
        while lines.count > 1, lines.last?.isEmpty == true { lines.removeLast() }
        return lines.map { line in
            var shown = ""
            for scalar in line.unicodeScalars.prefix(72) {
                switch scalar {
                case "|": shown += "\\|"
                case "\n": shown += "\\n"
                case "\r": shown += "\\r"
                case "\t": shown += "\\t"
                case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                    shown += "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
                default: shown.unicodeScalars.append(scalar)
                }
            }
            if line.unicodeScalars.count > 72 { shown += "…" }
            return shown.isEmpty ? "(empty line)" : "`\(shown)`"
        }.joined(separator: "<br>")
    }
}
