internal import WireCodecs

/// A request without its content: everything up to the empty line, checked.
package struct HTTPRequestHead: Sendable {
    /// How the end of the content is known (RFC 9112 section 6).
    package enum Framing: Sendable, Hashable {
        /// There is none.
        case none
        /// By Content-Length.
        case length(Int)
        /// By chunks.
        case chunked
    }

    /// The method.
    package let method: HTTPMethod
    /// The target as it was sent: printable ASCII.
    package let target: String
    /// The target's path, percent-encoded as sent; `*` for `OPTIONS *`.
    package let path: String
    /// The target's query without the question mark, percent-encoded as sent; nil when there is none.
    package let rawQuery: String?
    /// The version.
    package let version: HTTPVersion
    /// The fields, values without surrounding white space.
    package let headers: HTTPHeaders
    /// How the end of the content is known.
    package let framing: Framing
    /// Whether the client wants the connection to go on after this request.
    package let keepsAlive: Bool
    /// Whether the client waits for `100 Continue` before it sends the content.
    package let expectsContinue: Bool

    /// The path's segments, percent-decoded one by one, so that an encoded slash stays within its segment. `/a/b` has two;
    /// `/` has none; `/a/` ends with an empty one.
    package var pathSegments: [String] {
        guard path.utf8.first == UInt8(ascii: "/"), path.utf8.count > 1 else { return [] }
        return path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map {
            PercentEncoding.decodeLeniently($0)
        }
    }

    /// The query's parameters in order, decoded as `application/x-www-form-urlencoded` (a plus sign is a space).
    package var query: [(name: String, value: String)] {
        guard let rawQuery else { return [] }
        return rawQuery.split(separator: "&").map { pair in
            let equals = pair.firstIndex(of: "=")
            let name = pair[..<(equals ?? pair.endIndex)]
            let value = equals.map { pair[pair.index(after: $0)...] } ?? ""
            return (
                PercentEncoding.decodeLeniently(name, plusIsSpace: true),
                PercentEncoding.decodeLeniently(value, plusIsSpace: true)
            )
        }
    }
}
