internal import HTTPServer
internal import Validation

/// Conditional requests (RFC 9110 section 13).
enum Conditions {
    /// Whether the client has the representation with this tag already.
    static func isFresh(_ request: HTTPRequest, _ tag: String) -> Bool {
        guard request.method == .get || request.method == .head, request.headers.contains("If-None-Match") else {
            return false
        }
        return request.headers.values("If-None-Match").contains { EntityTag.isNamed(tag, in: $0) }
    }

    /// Which versions `If-Match` lets a PATCH, PUT or DELETE change; nil where there is none.
    static func precondition(of request: HTTPRequest) -> VersionPrecondition? {
        switch request.method {
        case .patch, .put, .delete: break
        default: return nil
        }
        guard request.headers.contains("If-Match") else { return nil }
        return EntityTag.precondition(request.headers.values("If-Match"))
    }
}
