package import Chronology
internal import JSON

/// What an access token says beside who made it and for whom (RFC 9068, with `sid` and `roles`).
package struct AccessTokenClaims: Sendable, Hashable {
    /// `sub`, `sid`, `scope`, `roles` and `exp`.
    package let identity: Identity
    /// `jti`.
    package let tokenID: UUIDv7
    /// `iat`, in whole seconds.
    package let issuedAt: Timestamp

    /// Instants are cut to whole seconds, which is all that the claims hold.
    package init(identity: Identity, tokenID: UUIDv7, issuedAt: Timestamp) {
        self.identity = Identity(
            userID: identity.userID, sessionID: identity.sessionID, scopes: identity.scopes, roles: identity.roles,
            expiresAt: Timestamp(secondsSinceEpoch: identity.expiresAt.secondsSinceEpoch))
        self.tokenID = tokenID
        self.issuedAt = Timestamp(secondsSinceEpoch: issuedAt.secondsSinceEpoch)
    }

    /// Reads the claims that are the bearer's; throws `invalidClaim`, naming the claim.
    init(_ payload: JSONValue) throws(TokenError) {
        let scope = try Self.string(payload, "scope")
        let identity = Identity(
            userID: try Self.identifier(payload, "sub"), sessionID: try Self.identifier(payload, "sid"),
            scopes: scope.split(separator: " ").map(String.init), roles: try Self.strings(payload, "roles"),
            expiresAt: try Self.instant(payload, "exp"))
        self.init(
            identity: identity, tokenID: try Self.identifier(payload, "jti"),
            issuedAt: try Self.instant(payload, "iat"))
    }

    /// The JSON text of all claims, those of the issuer among them.
    func encoded(issuer: String, audience: String) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        let texts: [(StaticString, String)] = [
            ("iss", issuer), ("aud", audience), ("sub", identity.userID.description),
            ("sid", identity.sessionID.description), ("jti", tokenID.description),
            ("scope", identity.scopes.joined(separator: " ")),
        ]
        for (name, text) in texts {
            writer.key(name)
            writer.string(text)
        }
        writer.key("roles")
        writer.strings(identity.roles)
        writer.key("iat")
        writer.int(issuedAt.secondsSinceEpoch)
        writer.key("exp")
        writer.int(identity.expiresAt.secondsSinceEpoch)
        writer.endObject()
        return writer.bytes
    }

    /// A claim in whole seconds since 1970 (a NumericDate of RFC 7519).
    static func instant(_ payload: JSONValue, _ name: String) throws(TokenError) -> Timestamp {
        guard let seconds = payload[name]?.int64, seconds >= 0 else { throw invalid(name) }
        return Timestamp(secondsSinceEpoch: seconds)
    }

    static func string(_ payload: JSONValue, _ name: String) throws(TokenError) -> String {
        guard let text = payload[name]?.string else { throw invalid(name) }
        return text
    }

    static func invalid(_ name: String) -> TokenError {
        TokenError(.invalidClaim, "the claim \(name) is missing or of another form")
    }

    private static func identifier(_ payload: JSONValue, _ name: String) throws(TokenError) -> UUIDv7 {
        do { return try UUIDv7(parsing: string(payload, name)) } catch { throw invalid(name) }
    }

    private static func strings(_ payload: JSONValue, _ name: String) throws(TokenError) -> [String] {
        guard let list = payload[name], list.kind == .array else { throw invalid(name) }
        var texts: [String] = []
        for element in list.elements {
            guard let text = element.string else { throw invalid(name) }
            texts.append(text)
        }
        return texts
    }
}
