internal import Chronology
internal import Foundation
internal import Secrets
internal import Tokens

extension FuzzTarget {
    /// The readers of tokens and of key sets.
    static let tokens = [
        FuzzTarget("token", madeSeeds: { [Array(try TokenIssuer.shared.get().token.utf8)] }) { input in
            let issuer = try TokenIssuer.shared.get()
            guard let claims = accepted({ () throws(TokenError) in try issuer.verifier.verify(input.text) }) else {
                return
            }
            try require(input.text == issuer.token, "a changed token is accepted: \(claims)")
        },
        FuzzTarget("token-claims") { input in
            let issuer = try TokenIssuer.shared.get()
            let (header, payload) = input.split(atFirst: 0x0A)
            let token = try issuer.signed(header: header, payload: payload)
            guard let claims = accepted({ () throws(TokenError) in try issuer.verifier.verify(token) }) else { return }
            try require(claims.identity.expiresAt > TokenIssuer.now - .seconds(60), "an expired token is accepted")
            try require(claims.issuedAt <= TokenIssuer.now + .seconds(60), "a token of the future is accepted")
        },
        FuzzTarget("key-set") { input in
            guard let keys = accepted({ () throws(TokenError) in try JWKS(parsing: input) }) else { return }
            try require(try JWKS(parsing: keys.encoded()) == keys, "written and read it is another set")
        },
    ]
}

/// Signs with a key of its own: a new one in each process, or the one in the file that FLORIN_FUZZ_KEY names, which is
/// written where there is none, so that the process which makes seeds and the one which uses them agree.
private struct TokenIssuer {
    static let now = Timestamp(secondsSinceEpoch: 1_800_000_000)
    static let shared = Result { try TokenIssuer() }

    let token: String
    let verifier: JWTVerifier
    private let key: RSAPrivateKey

    init() throws {
        key = try Self.key(at: ProcessInfo.processInfo.environment["FLORIN_FUZZ_KEY"])
        let keys = KeySet(JWKS([JWKS.Key(id: "fuzz", publicKey: key.publicKey)]))
        verifier = JWTVerifier(keys: keys, issuer: "http://localhost", clock: StandingClock(instant: Self.now))
        let id = UUIDv7(at: Self.now, randomA: 1, randomB: 2)
        let identity = Identity(
            userID: id, sessionID: id, scopes: ["expenses:read"], roles: ["user"], expiresAt: Self.now + .seconds(600))
        token = try JWTSigner(key: key, keyID: "fuzz", issuer: "http://localhost")
            .sign(AccessTokenClaims(identity: identity, tokenID: id, issuedAt: Self.now))
    }

    private static func key(at path: String?) throws -> RSAPrivateKey {
        guard let path else { return try RSAPrivateKey.generate() }
        if FileManager.default.fileExists(atPath: path) {
            return try RSAPrivateKey(pkcs8PEM: String(contentsOfFile: path, encoding: .utf8))
        }
        let key = try RSAPrivateKey.generate()
        try key.pkcs8PEM().write(toFile: path, atomically: true, encoding: .utf8)
        return key
    }

    func signed(header: [UInt8], payload: [UInt8]) throws -> String {
        let input = "\(Base64URL.encode(header)).\(Base64URL.encode(payload))"
        return "\(input).\(Base64URL.encode(try key.sign(Array(input.utf8))))"
    }
}

private struct StandingClock: WallClock {
    let instant: Timestamp

    func now() -> Timestamp { instant }
}
