internal import Compression
internal import HTTPServer
internal import Secrets

/// A document that is part of the program, ready to be sent, as it is and compressed.
struct StaticDocument: Sendable {
    /// One sequence of bytes with the tag that names it.
    private struct Representation: Sendable {
        let body: [UInt8]
        let tag: String
    }

    let mediaType: StaticString
    private let plain: Representation
    private let compressed: Representation?
    private let policy: String?
    private let readsQuery: Bool

    /// - Parameters:
    ///   - policy: the Content-Security-Policy; nil for one that allows nothing.
    ///   - readsQuery: whether the document, as a page, makes something of the query.
    init(mediaType: StaticString, text: String, policy: String? = nil, readsQuery: Bool = false) {
        self.mediaType = mediaType
        self.readsQuery = readsQuery
        self.policy = policy
        let body = Array(text.utf8)
        let name = Hex.encode(Array(sha256(body).prefix(16)))
        plain = Representation(body: body, tag: "\"\(name)\"")
        let isLong = body.count >= ContentCoding.shortest
        compressed = (isLong ? Gzip.compress(body, .thorough) : nil).map {
            Representation(body: $0, tag: "\"\(name)-gzip\"")
        }
    }

    /// The answer to a request for it.
    func response(to request: HTTPRequest) throws(Refusal) -> HTTPResponse {
        if !readsQuery { try RequestRules.checkNoQuery(request) }
        let coded = ContentCoding.allowsGzip(request.headers.values("Accept-Encoding")) ? compressed : nil
        let chosen = coded ?? plain
        var response = HTTPResponse(headers: ["ETag": chosen.tag, "Cache-Control": "public, max-age=300"])
        if compressed != nil { response.headers.append("Vary", "Accept-Encoding") }
        if let policy { response.headers.append("Content-Security-Policy", policy) }
        guard !Conditions.isFresh(request, chosen.tag) else {
            response.status = 304
            return response
        }
        let type = mediaType.description
        response.headers.append("Content-Type", type.hasPrefix("text/") ? "\(type); charset=utf-8" : type)
        if coded != nil { response.headers.append("Content-Encoding", "gzip") }
        response.body = .bytes(chosen.body)
        return response
    }
}
