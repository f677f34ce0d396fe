package import HTTPServer

/// What a request shows of who makes it.
package enum Credentials: Sendable, Equatable {
    /// Nothing.
    case none
    /// A token after `Bearer`.
    case bearer(String)
    /// An `Authorization` that is no bearer token, or more than one.
    case malformed

    /// Reads `Authorization` (RFC 6750 section 2.1, RFC 9110 section 11.6.2).
    package init(_ headers: HTTPHeaders) {
        guard headers.contains("Authorization") else {
            self = .none
            return
        }
        let values = headers.values("Authorization")
        guard values.count == 1, let token = Self.token(values[0]) else {
            self = .malformed
            return
        }
        self = .bearer(token)
    }

    /// What follows the scheme; whether it is a token at all is the verifier's to say.
    private static func token(_ value: String) -> String? {
        guard let space = value.utf8.firstIndex(of: 0x20), value[..<space].lowercased() == "bearer" else { return nil }
        let token = value[space...].drop { $0 == " " }
        return token.isEmpty ? nil : String(token)
    }
}
