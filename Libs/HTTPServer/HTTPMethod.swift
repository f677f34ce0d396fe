/// A request method (RFC 9110 section 9, PATCH from RFC 5789). The server knows these and answers 501 to others.
/// TRACE and QUERY (draft-ietf-httpbis-safe-method-w-body) are known so that a path can say that it does not take them;
/// nothing here serves them.
package enum HTTPMethod: String, Sendable, Hashable, CaseIterable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"
    case options = "OPTIONS"
    case trace = "TRACE"
    case query = "QUERY"

    /// Whether the method asks for no change (RFC 9110 section 9.2.1).
    package var isSafe: Bool {
        switch self {
        case .get, .head, .options, .trace, .query: true
        case .post, .put, .patch, .delete: false
        }
    }

    static func named(_ name: Span<UInt8>) -> HTTPMethod? {
        switch name.count {
        case 3 where name.equals("GET"): .get
        case 3 where name.equals("PUT"): .put
        case 4 where name.equals("POST"): .post
        case 4 where name.equals("HEAD"): .head
        case 5 where name.equals("PATCH"): .patch
        case 5 where name.equals("TRACE"): .trace
        case 5 where name.equals("QUERY"): .query
        case 6 where name.equals("DELETE"): .delete
        case 7 where name.equals("OPTIONS"): .options
        default: nil
        }
    }
}

/// The versions the server speaks.
package enum HTTPVersion: Sendable, Hashable {
    case http10
    case http11
    case http2
}
