internal import Compression
internal import HTTPServer

/// The coding of answers (RFC 9110 section 8.4): `gzip` where the client takes it and it is worth the time.
package enum ContentCoding {
    /// Shorter answers fit in a packet as they are.
    package static let shortest = 1024
    /// Longer ones would hold the loop for more than some milliseconds.
    package static let longest = 256 << 10

    /// Whether `Accept-Encoding` takes gzip (RFC 9110 section 12.5.3); without the field nothing is coded.
    package static func allowsGzip(_ values: [String]) -> Bool {
        var wildcard = false
        for member in values.joined(separator: ",").split(separator: ",") {
            let pieces = member.split(separator: ";", omittingEmptySubsequences: false).map(trimmed)
            let isAllowed = !pieces.dropFirst().contains(where: isZeroWeight)
            switch pieces[0].lowercased() {
            case "gzip", "x-gzip": return isAllowed
            case "*": wildcard = isAllowed
            default: break
            }
        }
        return wildcard
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

    private static func isZeroWeight(_ parameter: Substring) -> Bool {
        let text = parameter.filter { $0 != " " && $0 != "\t" }.lowercased()
        guard text.hasPrefix("q=") else { return false }
        return text.count > 2 && text.dropFirst(2).allSatisfy { $0 == "0" || $0 == "." }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var slice = text
        while slice.first == " " || slice.first == "\t" { slice.removeFirst() }
        while slice.last == " " || slice.last == "\t" { slice.removeLast() }
        return slice
    }
}
