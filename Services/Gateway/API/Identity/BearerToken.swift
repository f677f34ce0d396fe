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

    private static func token(_ value: String) -> String? {
        guard let space = value.utf8.firstIndex(of: 0x20), value[..<space].lowercased() == "bearer" else { return nil }
        let token = value[space...].drop { $0 == " " }
        guard let last = token.utf8.last, isToken(last) || last == UInt8(ascii: "=") else { return nil }
        let padding = token.utf8.firstIndex(of: UInt8(ascii: "=")) ?? token.endIndex
        guard padding > token.startIndex, token[..<padding].utf8.allSatisfy(isToken),
            token[padding...].utf8.allSatisfy({ $0 == UInt8(ascii: "=") })
        else { return nil }
        return String(token)
    }

    /// A byte of `token68`.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "-._~+/".utf8.contains(byte)
        }
    }
}
