package import Chronology
internal import JSON

/// What an ID token says of somebody (OpenID Connect Core 1.0, section 5.1), as far as it is used.
package struct IDTokenClaims: Sendable, Hashable {
    /// `sub`: who it is, among all whom the issuer knows; never given to another.
    package let subject: String
    /// `email`, as the issuer has it.
    package let email: String?
    /// `email_verified`: whether the issuer has seen that the address is theirs.
    package let isEmailVerified: Bool
    /// `name`
    package let name: String?
    /// `locale`
    package let locale: String?
    package let expiresAt: Timestamp
}

/// Verifies ID tokens of one issuer (OpenID Connect Core 1.0, section 3.1.3.7; RFC 8725): RS256 alone, keys of the
/// issuer's set alone, every claim checked.
package struct IDTokenVerifier: Sendable {
    /// The longest token that is looked at, in bytes.
    package static let maximumBytes = 16 * 1024

    private let keys: KeySet
    private let issuer: String
    private let audiences: Set<String>
    private let leeway: Duration
    private let clock: any WallClock

    /// - Parameters:
    ///   - keys: the issuer's, looked up at each verification.
    ///   - audiences: what we are called at the issuer (`client_id`); a token is for one of them.
    ///   - leeway: how far the clocks of the issuer and this machine may differ; held to 0 to 60 s.
    package init(
        keys: KeySet, issuer: String, audiences: Set<String>, leeway: Duration = .seconds(30),
        clock: any WallClock = SystemClock()
    ) {
        self.keys = keys
        self.issuer = issuer
        self.audiences = audiences
        self.leeway = min(max(leeway, .zero), JWTVerifier.maximumLeeway)
        self.clock = clock
    }

    /// The claims of a token that is whole, signed by a key of the issuer, for us, and valid now.
    ///
    /// - Parameter nonce: what the client sent to the issuer; nil where it sent none. A token that carries one is refused
    ///   without it, and the other way round.
    /// - Throws: `unknownKey` is the one that newer keys may cure.
    package func verify(_ token: String, nonce: String?) throws(TokenError) -> IDTokenClaims {
        let rules = CompactJWS.Rules.foreign(maximumBytes: Self.maximumBytes) { type in
            type.map { $0.uppercased() == "JWT" } ?? true
        }
        let parsed = try CompactJWS(parsing: token, rules)
        guard let key = keys[id: parsed.keyID] else { throw TokenError(.unknownKey, "no key of this name is known") }
        guard try key.isValid(signature: parsed.signature, for: parsed.signingInput) else {
            throw TokenError(.badSignature, "the key did not sign these bytes")
        }
        let payload = try parsed.claims()
        try checkParties(payload)
        let expiresAt = try checkTimes(payload)
        guard payload["nonce"]?.string == nonce, nonce != nil || payload["nonce"] == nil else {
            throw TokenError(.wrongNonce, "expected another nonce")
        }
        return try Self.claims(payload, expiresAt)
    }

    private func checkParties(_ payload: JSONValue) throws(TokenError) {
        guard payload["iss"]?.string == issuer else { throw TokenError(.wrongIssuer, "expected another issuer") }
        let wrong = TokenError(.wrongAudience, "expected another audience")
        guard let claim = payload["aud"] else { throw wrong }
        let named = claim.string.map { [$0] } ?? claim.elements.map { $0.string ?? "" }
        guard !audiences.isDisjoint(with: named) else { throw wrong }
        // For several at once: whom it was made for is told apart (section 3.1.3.7, 4 and 5).
        if named.count > 1 || payload["azp"] != nil {
            guard let party = payload["azp"]?.string, audiences.contains(party) else { throw wrong }
        }
    }

    private func checkTimes(_ payload: JSONValue) throws(TokenError) -> Timestamp {
        let now = clock.now()
        let expiresAt = try AccessTokenClaims.instant(payload, "exp")
        let issuedAt = try AccessTokenClaims.instant(payload, "iat")
        guard now < expiresAt + leeway else { throw TokenError(.expired, "the token has expired") }
        let early = TokenError(.notYetValid, "the token is not valid yet")
        guard issuedAt <= now + leeway else { throw early }
        if payload["nbf"] != nil {
            guard try AccessTokenClaims.instant(payload, "nbf") <= now + leeway else { throw early }
        }
        guard issuedAt < expiresAt else { throw AccessTokenClaims.invalid("exp") }
        return expiresAt
    }

    private static func claims(_ payload: JSONValue, _ expiresAt: Timestamp) throws(TokenError) -> IDTokenClaims {
        let subject = try AccessTokenClaims.string(payload, "sub")
        guard 1...255 ~= subject.utf8.count, subject.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) else {
            throw AccessTokenClaims.invalid("sub")
        }
        // Some issuers write the flag as a text.
        let flag = payload["email_verified"]
        return IDTokenClaims(
            subject: subject, email: payload["email"]?.string,
            isEmailVerified: flag?.bool ?? (flag?.string == "true"), name: payload["name"]?.string,
            locale: payload["locale"]?.string, expiresAt: expiresAt)
    }
}
