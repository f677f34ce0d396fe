internal import JSON

/// What others need to verify Florin's access tokens (OpenID Connect Discovery 1.0, section 3; RFC 8414).
///
/// Florin gives out tokens to its own API alone: there is no endpoint for authorization, and no response type.
enum IssuerMetadata {
    /// The document, as served at `/.well-known/openid-configuration`.
    static func json(issuer: String) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("issuer")
        writer.string(issuer)
        writer.key("jwks_uri")
        writer.string(issuer + "/.well-known/jwks.json")
        writer.key("response_types_supported")
        writer.strings([])
        writer.key("subject_types_supported")
        writer.strings(["public"])
        writer.key("id_token_signing_alg_values_supported")
        writer.strings(["RS256"])
        writer.key("scopes_supported")
        writer.strings([
            "profile:read", "profile:write", "expenses:read", "expenses:write", "portfolio:read", "portfolio:write",
            "events:read",
        ])
        writer.key("claims_supported")
        writer.strings(["iss", "aud", "sub", "sid", "exp", "iat", "jti", "scope", "roles"])
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
