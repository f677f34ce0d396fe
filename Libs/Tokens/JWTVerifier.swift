package import Chronology
internal import JSON

/// Verifies access tokens as RFC 8725 and RFC 9068 ask for: one algorithm, one type, known keys, every claim checked.
package struct JWTVerifier: Sendable {
    /// The `typ` of an access token (RFC 9068, section 2.1).
    package static let accessTokenType = "at+jwt"
    /// The most that clocks may differ by.
    package static let maximumLeeway = Duration.seconds(60)

    private let keys: KeySet
    private let issuer: String
    private let audience: String
    private let leeway: Duration
    private let clock: any WallClock

    /// - Parameters:
    ///   - keys: looked up at each verification, so that a replaced set counts at once.
    ///   - leeway: how far the clocks of the issuer and this machine may differ; held to 0 to 60 s.
    package init(
        keys: KeySet, issuer: String, audience: String = "florin", leeway: Duration = .seconds(30),
        clock: any WallClock = SystemClock()
    ) {
        self.keys = keys
        self.issuer = issuer
        self.audience = audience
        self.leeway = min(max(leeway, .zero), Self.maximumLeeway)
        self.clock = clock
    }

    /// The claims of a token that is whole, signed by a known key, for this audience, and valid now.
    ///
    /// Throws `TokenError`; `unknownKey` is the one that newer keys may cure.
    package func verify(_ token: String) throws(TokenError) -> AccessTokenClaims {
        let parsed = try CompactJWS(parsing: token, .own(type: Self.accessTokenType))
        guard let key = keys[id: parsed.keyID] else { throw TokenError(.unknownKey, "no key of this name is known") }
        guard try key.isValid(signature: parsed.signature, for: parsed.signingInput) else {
            throw TokenError(.badSignature, "the key did not sign these bytes")
        }
        let payload = try parsed.claims()
        try checkParties(payload)
        let claims = try AccessTokenClaims(payload)
        try checkTimes(claims, payload)
        return claims
    }

    /// Who bears the token; throws as `verify` does.
    package func identity(of token: String) throws(TokenError) -> Identity {
        try verify(token).identity
    }

    private func checkParties(_ payload: JSONValue) throws(TokenError) {
        guard payload["iss"]?.string == issuer else { throw TokenError(.wrongIssuer, "expected another issuer") }
        guard let claim = payload["aud"] else { throw TokenError(.wrongAudience, "expected an audience") }
        let isMeant = claim.string == audience || claim.elements.contains { $0.string == audience }
        guard isMeant else { throw TokenError(.wrongAudience, "expected another audience") }
    }

    private func checkTimes(_ claims: AccessTokenClaims, _ payload: JSONValue) throws(TokenError) {
        let now = clock.now()
        guard now < claims.identity.expiresAt + leeway else { throw TokenError(.expired, "the token has expired") }
        let early = TokenError(.notYetValid, "the token is not valid yet")
        guard claims.issuedAt <= now + leeway else { throw early }
        if payload["nbf"] != nil {
            guard try AccessTokenClaims.instant(payload, "nbf") <= now + leeway else { throw early }
        }
        guard claims.issuedAt < claims.identity.expiresAt else { throw AccessTokenClaims.invalid("exp") }
    }
}
