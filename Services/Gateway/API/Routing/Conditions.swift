internal import HTTPServer

/// Conditional requests (RFC 9110 section 13).
enum Conditions {
    /// Whether the client has the representation with this tag already.
    static func isFresh(_ request: HTTPRequest, _ tag: String) -> Bool {
        guard request.method == .get || request.method == .head, request.headers.contains("If-None-Match") else {
            return false
        }
        return request.headers.values("If-None-Match").contains { EntityTag.isNamed(tag, in: $0) }
    }
}
