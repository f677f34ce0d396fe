internal import JSON
internal import Secrets

/// Makes access tokens under one key: RS256, `typ` `at+jwt`.
package struct JWTSigner: Sendable {
    /// The `kid` of its tokens.
    package let keyID: String
    /// `iss` of its tokens.
    package let issuer: String
    /// `aud` of its tokens.
    package let audience: String

    private let key: RSAPrivateKey
    private let encodedHeader: String

    /// - Parameters:
    ///   - keyID: the `kid`; the key's thumbprint (RFC 7638) when none is given.
    ///   - issuer: the public address of this system.
    package init(key: RSAPrivateKey, keyID: String? = nil, issuer: String, audience: String = "florin") {
        let keyID = keyID ?? key.publicKey.thumbprint
        var header = JSONWriter()
        header.beginObject()
        header.key("alg")
        header.string("RS256")
        header.key("typ")
        header.string(JWTVerifier.accessTokenType)
        header.key("kid")
        header.string(keyID)
        header.endObject()
        self.keyID = keyID
        self.issuer = issuer
        self.audience = audience
        self.key = key
        encodedHeader = Base64URL.encode(header.bytes)
    }

    /// The entry of this key in the published set.
    package var publishedKey: JWKS.Key { JWKS.Key(id: keyID, publicKey: key.publicKey) }

    /// The token in compact form; more than a millisecond of computation.
    package func sign(_ claims: AccessTokenClaims) throws(TokenError) -> String {
        let payload = Base64URL.encode(claims.encoded(issuer: issuer, audience: audience))
        let signingInput = encodedHeader + "." + payload
        return signingInput + "." + Base64URL.encode(try key.sign(Array(signingInput.utf8)))
    }
}
