import Chronology
import Foundation
import Testing
import TestKit

@testable import Tokens

/// PyJWT as the outside judge: it verifies our tokens by our published keys, and we verify its.
@Suite("PyJWT")
struct PyJWTTests {
    private struct Verdict: Decodable {
        struct Claims: Decodable {
            let iss, aud, sub, sid, jti, scope: String
            let roles: [String]
            let iat, exp: Int64
        }
        let claims: Claims?
        let refused: String?
    }

    private struct Answer: Decodable {
        let verdicts: [String: Verdict]
        let signed: String?
    }

    /// The judge's answer to a request.
    private func judge(_ request: [String: Any]) async throws -> Answer {
        try await Python.answer("jwt/pyjwt_judge.py", to: request)
    }

    private func request(_ fixture: Fixture, tokens: [String: String]) throws -> [String: Any] {
        let jwks = JWKS([fixture.signer.publishedKey]).encoded()
        return [
            "jwks": try JSONSerialization.jsonObject(with: Data(jwks)), "issuer": Fixture.issuer, "audience": "florin",
            "tokens": tokens,
        ]
    }

    @Test func verifiesOurTokenByOurKeySet() async throws {
        let fixture = try Fixture.shared.get()
        // PyJWT goes by the machine's clock.
        let claims = Fixture.claims(issuedAt: SystemClock().now())
        let answer = try await judge(request(fixture, tokens: ["ours": fixture.signer.sign(claims)]))
        let seen = try #require(answer.verdicts["ours"]?.claims, "\(answer.verdicts["ours"]?.refused ?? "")")
        #expect(seen.iss == Fixture.issuer && seen.aud == "florin")
        #expect(seen.sub == claims.identity.userID.description && seen.sid == claims.identity.sessionID.description)
        #expect(seen.jti == claims.tokenID.description)
        #expect(seen.scope == "expenses:read expenses:write" && seen.roles == ["user", "admin"])
        #expect(seen.iat == claims.issuedAt.secondsSinceEpoch && seen.exp == seen.iat + 900)
    }

    @Test func refusesWhatWeRefuse() async throws {
        let fixture = try Fixture.shared.get()
        let now = SystemClock().now()
        let verifier = JWTVerifier(keys: fixture.keySet, issuer: Fixture.issuer)
        let good = try fixture.signer.sign(Fixture.claims(issuedAt: now))
        let parts = good.split(separator: ".").map(String.init)
        let stranger = JWTSigner(key: fixture.stranger, keyID: "k1", issuer: Fixture.issuer)
        let elsewhere = JWTSigner(key: fixture.key, keyID: "k1", issuer: "https://evil.example")
        let others = JWTSigner(key: fixture.key, keyID: "k1", issuer: Fixture.issuer, audience: "other")
        let forged: [String: String] = [
            "stranger": try stranger.sign(Fixture.claims(issuedAt: now)),
            "issuer": try elsewhere.sign(Fixture.claims(issuedAt: now)),
            "audience": try others.sign(Fixture.claims(issuedAt: now)),
            "expired": try fixture.signer.sign(Fixture.claims(issuedAt: now - .seconds(3_600))),
            "future": try fixture.signer.sign(Fixture.claims(issuedAt: now + .seconds(3_600))),
            "kid": try JWTSigner(key: fixture.key, keyID: "k9", issuer: Fixture.issuer).sign(
                Fixture.claims(issuedAt: now)),
            "none": "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0Iiwia2lkIjoiazEifQ.\(parts[1]).",
            "cut": "\(parts[0]).\(parts[1])",
            "payload": "\(parts[0]).\(parts[1].reversed()).\(parts[2])",
        ]
        let answer = try await judge(request(fixture, tokens: forged.merging(["good": good]) { first, _ in first }))
        #expect(answer.verdicts["good"]?.claims != nil)
        #expect(refusal { _ = try verifier.verify(good) } == nil)
        for (name, token) in forged {
            #expect(answer.verdicts[name]?.refused != nil, "\(name): PyJWT")
            #expect(refusal { _ = try verifier.verify(token) } != nil, "\(name): Florin")
        }
    }

    @Test func makesATokenThatWeVerify() async throws {
        let fixture = try Fixture.shared.get()
        let claims = Fixture.claims(issuedAt: SystemClock().now())
        var request = try request(fixture, tokens: [:])
        request["sign"] = [
            "pem": try fixture.key.pkcs8PEM(), "kid": "k1",
            "claims": try JSONSerialization.jsonObject(
                with: Data(claims.encoded(issuer: Fixture.issuer, audience: "florin"))),
        ]
        let signed = try #require(try await judge(request).signed)
        let verifier = JWTVerifier(keys: fixture.keySet, issuer: Fixture.issuer)
        #expect(try verifier.verify(signed) == claims)
    }
}
