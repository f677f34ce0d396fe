internal import Compression
internal import HTTPServer

/// The coding of answers (RFC 9110 section 8.4): `gzip` where the client takes it and it is worth the time.
package enum ContentCoding {
    /// Shorter answers fit in a packet as they are.
    package static let shortest = 1024
    /// Longer ones would hold the loop for more than some milliseconds.
    package static let longest = 256 << 10

    /// Whether `Accept-Encoding` takes gzip and does not like an answer as it is better (RFC 9110 section 12.5.3); without
    /// the field nothing is coded.
    package static func allowsGzip(_ values: [String]) -> Bool {
        var gzip, identity, others: Int?
        for member in values.joined(separator: ",").split(separator: ",") {
            let pieces = member.split(separator: ";", omittingEmptySubsequences: false).map(trimmed)
            let weight = pieces.dropFirst().first.map(weight) ?? 1000
            switch pieces[0].lowercased() {
            case "gzip", "x-gzip": gzip = max(gzip ?? 0, weight)
            case "identity": identity = weight
            case "*": others = weight
            default: break
            }
        }
        let accepted = gzip ?? others ?? 0
        return accepted > 0 && accepted >= identity ?? 0
    }

    /// Codes an answer where that is right, and says on what it depends.
    ///
    /// An answer with an entity tag stays as it is: the tag names the version that `If-Match` is about, and a strong tag may
    /// not stand for two sequences of bytes.
    static func apply(to response: inout HTTPResponse, for request: HTTPRequestHead) {
        guard case .bytes(let body) = response.body, (shortest...longest).contains(body.count),
            !response.headers.contains("ETag"), !response.headers.contains("Content-Encoding"),
            isCompressible(response.headers["Content-Type"])
        else { return }
        response.headers.append("Vary", "Accept-Encoding")
        guard allowsGzip(request.headers.values("Accept-Encoding")), let coded = Gzip.compress(body, .fast) else {
            return
        }
        response.headers.append("Content-Encoding", "gzip")
        response.body = .bytes(coded)
    }

    private static func isCompressible(_ type: String?) -> Bool {
        guard let essence = type.map(MediaRange.essence) else { return false }
        return essence.hasPrefix("text/") || essence.hasSuffix("json") || essence.hasSuffix("xml")
    }

    /// A weight in thousandths (RFC 9110 section 12.4.2); what is none, or out of bounds, is taken as a refusal.
    private static func weight(_ parameter: Substring) -> Int {
        let text = parameter.filter { $0 != " " && $0 != "\t" }.lowercased()
        guard let number = text.wholeMatch(of: /q=([01])(?:\.([0-9]{0,3}))?/) else { return 0 }
        let decimals = number.2 ?? ""
        let weight = Int("\(number.1)\(decimals)" + String(repeating: "0", count: 3 - decimals.count)) ?? 0
        return weight <= 1000 ? weight : 0
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var slice = text
        while slice.first == " " || slice.first == "\t" { slice.removeFirst() }
        while slice.last == " " || slice.last == "\t" { slice.removeLast() }
        return slice
    }
}
