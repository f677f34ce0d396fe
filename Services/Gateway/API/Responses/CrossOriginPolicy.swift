internal import HTTPServer

/// Which web pages of other origins may use the API (the Fetch standard, "CORS protocol"). No origin may unless configured.
///
/// Credentials of the browser's own are never allowed: the API takes a bearer token, which a page has to be given.
package struct CrossOriginPolicy: Sendable, Hashable {
    private static let maximumAge = 600
    private static let requestFields =
        "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, traceparent,"
        + " tracestate, X-Request-Id"
    private static let exposedFields =
        "Allow, Content-Disposition, ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After,"
        + " WWW-Authenticate, X-Request-Id"

    private let origins: Set<String>

    /// The policy that lets nobody in.
    package static let closed = CrossOriginPolicy(origins: [])

    private init(origins: Set<String>) { self.origins = origins }

    /// Reads origins with commas between them, such as `https://app.example`, or `*` for any; nothing for none. Nil where
    /// that is not what it is.
    package init?(parsing text: String) {
        let entries = text.split(separator: ",").map { String($0.filter { $0 != " " }) }
        guard entries.allSatisfy({ $0 == "*" || Self.isOrigin($0) }) else { return nil }
        self.init(origins: Set(entries))
    }

    /// Scheme, host and perhaps a port, as browsers write it: in lower case and without a path.
    private static func isOrigin(_ text: String) -> Bool {
        guard let scheme = ["https://", "http://"].first(where: text.hasPrefix) else { return false }
        let authority = text.dropFirst(scheme.count)
        return !authority.isEmpty
            && authority.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
                case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"): true
                default: false
                }
            }
    }

    /// Whether a request asks what another one would be allowed to (a preflight).
    static func isPreflight(_ request: HTTPRequestHead) -> Bool {
        request.method == .options && request.headers.contains("Origin")
            && request.headers.contains("Access-Control-Request-Method")
    }

    /// Adds what the browser is to know of an answer.
    func apply(to headers: inout HTTPHeaders, for request: HTTPRequestHead?) {
        guard !origins.isEmpty else { return }
        if !origins.contains("*") { headers.append("Vary", "Origin") }
        guard let request, let allowed = allowedOrigin(of: request) else { return }
        headers.append("Access-Control-Allow-Origin", allowed)
        guard Self.isPreflight(request) else {
            headers.append("Access-Control-Expose-Headers", Self.exposedFields)
            return
        }
        // Which methods the path takes was found out for `Allow`.
        guard let methods = headers["Allow"] else { return }
        headers.append("Access-Control-Allow-Methods", methods)
        headers.append("Access-Control-Allow-Headers", Self.requestFields)
        headers.append("Access-Control-Max-Age", "\(Self.maximumAge)")
    }

    private func allowedOrigin(of request: HTTPRequestHead) -> String? {
        let values = request.headers.values("Origin")
        guard values.count == 1 else { return nil }
        if origins.contains("*") { return "*" }
        return origins.contains(values[0]) ? values[0] : nil
    }
}
