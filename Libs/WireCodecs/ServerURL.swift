/// The URL of a server and of an account on it: `scheme://user:password@host:port/path?name=value&…` (RFC 3986, section 3),
/// as configurations have it. What the parts may be is for the caller to say.
package struct ServerURL: Sendable {
    /// Why a text is no such URL.
    package struct Fault: Error, Sendable {
        /// Names the part at fault and never quotes it: the password may be anywhere in a malformed text.
        package let reason: String

        init(_ reason: String) { self.reason = reason }
    }

    /// What stands before `://`.
    package let scheme: String
    /// Percent-decoded; nil without an account.
    package let user: String?
    /// Percent-decoded; nil without an account, or with one of a user alone.
    package let password: String?
    /// Percent-decoded, an IPv6 address without its brackets; empty when absent.
    package let host: String
    /// From 1 to 65,535; nil when absent.
    package let port: UInt16?
    /// What stands behind the host's slash, still percent-encoded; nil without a slash.
    package let path: Substring?
    /// Percent-decoded, in their order.
    package let parameters: [(name: String, value: String)]

    /// Reads the text.
    package init(parsing text: String) throws(Fault) {
        guard let mark = text.firstRange(of: "://") else { throw Fault("the scheme is missing") }
        scheme = String(text[..<mark.lowerBound])
        var rest = text[mark.upperBound...]
        parameters = try Self.parameters(Self.cut(&rest, at: rest.firstIndex(of: "?")) ?? "")
        path = Self.cut(&rest, at: rest.firstIndex(of: "/"))
        (user, password) = try Self.account(&rest)
        (host, port) = try Self.hostAndPort(rest)
    }

    /// Shortens the text to what stands before the mark, and returns what stands behind it.
    private static func cut(_ text: inout Substring, at mark: Substring.Index?) -> Substring? {
        guard let mark else { return nil }
        defer { text = text[..<mark] }
        return text[text.index(after: mark)...]
    }

    private static func parameters(_ query: Substring) throws(Fault) -> [(name: String, value: String)] {
        var parameters: [(name: String, value: String)] = []
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw Fault("a parameter lacks its value") }
            parameters.append((try decoded(parts[0]), try decoded(parts[1])))
        }
        return parameters
    }

    /// Takes the account off the authority. A password may have an `@` in it.
    private static func account(_ authority: inout Substring) throws(Fault) -> (user: String?, password: String?) {
        guard let at = authority.lastIndex(of: "@") else { return (nil, nil) }
        let parts = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        authority = authority[authority.index(after: at)...]
        return (try decoded(parts[0]), try parts.count == 2 ? decoded(parts[1]) : nil)
    }

    private static func hostAndPort(_ text: Substring) throws(Fault) -> (String, UInt16?) {
        var host = text
        var rest: Substring = ""
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw Fault("the host's bracket is not closed") }
            host = text[..<end].dropFirst()
            rest = text[end...].dropFirst()
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            rest = text[colon...]
        }
        guard !rest.isEmpty else { return (try decoded(host), nil) }
        let digits = rest.dropFirst()
        guard rest.hasPrefix(":"), digits.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
            let port = UInt16(digits), port > 0
        else { throw Fault("the port is not a number from 1 to 65535") }
        return (try decoded(host), port)
    }

    private static func decoded(_ text: Substring) throws(Fault) -> String {
        guard let decoded = PercentEncoding.decode(text.utf8) else {
            throw Fault("a part is not percent-encoded text")
        }
        return decoded
    }
}
