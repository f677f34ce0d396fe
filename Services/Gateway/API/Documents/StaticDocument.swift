internal import HTTPServer
internal import Secrets

/// A document that is part of the program, ready to be sent.
struct StaticDocument: Sendable {
    let mediaType: StaticString
    private let body: [UInt8]
    private let tag: String
    private let policy: String?
    private let readsQuery: Bool

    /// - Parameters:
    ///   - policy: the Content-Security-Policy; nil for one that allows nothing.
    ///   - readsQuery: whether the document, as a page, makes something of the query.
    init(mediaType: StaticString, text: String, policy: String? = nil, readsQuery: Bool = false) {
        self.mediaType = mediaType
        self.readsQuery = readsQuery
        self.policy = policy
        body = Array(text.utf8)
        tag = "\"\(Hex.encode(Array(sha256(body).prefix(16))))\""
    }

    /// The answer to a request for it.
    func response(to request: HTTPRequest) throws(Refusal) -> HTTPResponse {
        if !readsQuery { try RequestRules.checkNoQuery(request) }
        var response = HTTPResponse(headers: ["ETag": tag, "Cache-Control": "public, max-age=300"])
        if let policy { response.headers.append("Content-Security-Policy", policy) }
        guard !Conditions.isFresh(request, tag) else {
            response.status = 304
            return response
        }
        let type = mediaType.description
        response.headers.append("Content-Type", type.hasPrefix("text/") ? "\(type); charset=utf-8" : type)
        response.body = .bytes(body)
        return response
    }
}
