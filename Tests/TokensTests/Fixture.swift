import Chronology
import Secrets

@testable import Tokens

/// A clock that always shows the same instant.
struct StoppedClock: WallClock {
    let instant: Timestamp
    func now() -> Timestamp { instant }
}

/// Keys (made once: generation is slow), a signer, and a way to make any token at all.
struct Fixture: Sendable {
    static let shared = Result { try Fixture() }

    let key: RSAPrivateKey
    /// A key that the verifier does not know.
    let stranger: RSAPrivateKey
    let signer: JWTSigner
    let keySet: KeySet
    let now = Timestamp(secondsSinceEpoch: 1_795_167_000)
    let claims: AccessTokenClaims

    static let issuer = "https://money.example"

    init() throws {
        key = try RSAPrivateKey.generate()
        stranger = try RSAPrivateKey.generate()
        signer = JWTSigner(key: key, keyID: "k1", issuer: Self.issuer)
        keySet = KeySet(JWKS([signer.publishedKey]))
        claims = Self.claims(issuedAt: now)
    }

    static func claims(issuedAt: Timestamp) -> AccessTokenClaims {
        let identity = Identity(
            userID: UUIDv7.make(), sessionID: UUIDv7.make(), scopes: ["expenses:read", "expenses:write"],
            roles: ["user", "admin"], expiresAt: issuedAt + .seconds(900))
        return AccessTokenClaims(identity: identity, tokenID: UUIDv7.make(), issuedAt: issuedAt)
    }

    func verifier(at offset: Duration = .zero, leeway: Duration = .seconds(30)) -> JWTVerifier {
        JWTVerifier(keys: keySet, issuer: Self.issuer, leeway: leeway, clock: StoppedClock(instant: now + offset))
    }

    static let header = #"{"alg":"RS256","typ":"at+jwt","kid":"k1"}"#

    /// A payload with some members replaced by raw JSON, or left out (nil); `extra` is put in front as it is.
    func payload(_ changes: [String: String?] = [:], extra: String = "") -> String {
        let seconds = now.secondsSinceEpoch
        let members: [(String, String)] = [
            ("iss", "\"\(Self.issuer)\""), ("aud", "\"florin\""), ("sub", "\"\(claims.identity.userID)\""),
            ("sid", "\"\(claims.identity.sessionID)\""), ("jti", "\"\(claims.tokenID)\""),
            ("scope", "\"expenses:read\""), ("roles", "[\"user\"]"), ("iat", "\(seconds)"), ("exp", "\(seconds + 900)"),
            ("nbf", "\(seconds)"),
        ]
        let shown = members.compactMap { name, value -> String? in
            guard let change = changes[name] else { return "\"\(name)\":\(value)" }
            return change.map { "\"\(name)\":\($0)" }
        }
        return "{" + extra + shown.joined(separator: ",") + "}"
    }

    /// A token of exactly these texts, signed by the given key.
    func token(header: String = Self.header, payload: String? = nil, by signingKey: RSAPrivateKey? = nil) throws
        -> String
    {
        let input =
            Base64URL.encode(Array(header.utf8)) + "." + Base64URL.encode(Array((payload ?? self.payload()).utf8))
        return try input + "." + Base64URL.encode((signingKey ?? key).sign(Array(input.utf8)))
    }
}

/// The code of the `TokenError` that the body throws; nil when it returns.
func refusal(_ body: () throws -> Void) -> TokenError.Code? {
    do {
        try body()
        return nil
    } catch {
        return (error as? TokenError)?.code
    }
}
