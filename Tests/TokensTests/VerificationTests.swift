import Chronology
import Secrets
import Testing

@testable import Tokens

@Suite("Tokens that are what they say")
struct VerificationTests {
    @Test func theSignersTokenIsVerified() throws {
        let fixture = try Fixture.shared.get()
        let token = try fixture.signer.sign(fixture.claims)
        #expect(try fixture.verifier().verify(token) == fixture.claims)
        let identity = try fixture.verifier().identity(of: token)
        #expect(identity == fixture.claims.identity)
        #expect(identity.has(scope: "expenses:read") && !identity.has(scope: "expenses"))
        #expect(identity.has(role: "admin") && !identity.has(role: "owner"))
        #expect(identity.expiresAt == fixture.now + .seconds(900))
    }

    @Test func emptyScopesAndRolesAndFractionsOfSeconds() throws {
        let fixture = try Fixture.shared.get()
        let identity = Identity(
            userID: .make(), sessionID: .make(), scopes: [], roles: [],
            expiresAt: fixture.now + .milliseconds(60_999))
        let claims = AccessTokenClaims(identity: identity, tokenID: .make(), issuedAt: fixture.now + .milliseconds(1))
        let verified = try fixture.verifier().verify(fixture.signer.sign(claims))
        #expect(verified == claims)
        #expect(verified.identity.scopes.isEmpty && verified.identity.roles.isEmpty)
        #expect(verified.identity.expiresAt == fixture.now + .seconds(60))
    }

    @Test func acceptsWhatTheRulesAllow() throws {
        let fixture = try Fixture.shared.get()
        let payloads = [
            fixture.payload(), fixture.payload(["nbf": nil]), fixture.payload(["aud": #"["other","florin"]"#]),
            fixture.payload(["scope": "\"\""]), fixture.payload(["roles": "[]"]),
            fixture.payload(extra: #""future":{"a":[1,{"b":null}]},"#),
        ]
        for payload in payloads {
            #expect(refusal { _ = try fixture.verifier().verify(fixture.token(payload: payload)) } == nil, "\(payload)")
        }
        let spaced = #"{ "kid" : "k1", "alg" : "RS256", "typ":"at+jwt", "note": 1 }"#
        #expect(refusal { _ = try fixture.verifier().verify(fixture.token(header: spaced)) } == nil)
    }

    @Test func theTimesHaveTheirLeewayAndNoMore() throws {
        let fixture = try Fixture.shared.get()
        let token = try fixture.signer.sign(fixture.claims)
        let cases: [(offset: Int, leeway: Int, expected: TokenError.Code?)] = [
            (0, 0, nil), (899, 0, nil), (900, 0, .expired), (900, 30, nil), (929, 30, nil), (930, 30, .expired),
            (-1, 0, .notYetValid), (-30, 30, nil), (-31, 30, .notYetValid), (959, 60, nil), (960, 60, .expired),
            // A leeway past 60 s counts as 60, one below zero as none.
            (959, 3_600, nil), (960, 3_600, .expired), (-60, 3_600, nil), (-61, 3_600, .notYetValid), (899, -50, nil),
            (100_000_000, 30, .expired), (-100_000_000, 30, .notYetValid),
        ]
        for (offset, leeway, expected) in cases {
            let verifier = fixture.verifier(at: .seconds(offset), leeway: .seconds(leeway))
            #expect(refusal { _ = try verifier.verify(token) } == expected, "\(offset) s, leeway \(leeway) s")
        }
    }

    @Test func aReplacedKeySetCountsAtOnce() throws {
        let fixture = try Fixture.shared.get()
        let keys = KeySet()
        let verifier = JWTVerifier(keys: keys, issuer: Fixture.issuer, clock: StoppedClock(instant: fixture.now))
        let token = try fixture.signer.sign(fixture.claims)
        #expect(keys.isEmpty)
        #expect(refusal { _ = try verifier.verify(token) } == .unknownKey)
        keys.replace(with: JWKS([fixture.signer.publishedKey]))
        #expect(keys.ids == ["k1"])
        #expect(refusal { _ = try verifier.verify(token) } == nil)
        let kept = keys[id: "k1"]
        let next = JWTSigner(key: fixture.stranger, issuer: Fixture.issuer)
        keys.replace(with: JWKS([fixture.signer.publishedKey, next.publishedKey]))
        #expect(kept === keys[id: "k1"])
        #expect(refusal { _ = try verifier.verify(token) } == nil)
        #expect(refusal { _ = try verifier.verify(next.sign(fixture.claims)) } == nil)
        // Another key under the old name is another key.
        keys.replace(with: JWKS([JWKS.Key(id: "k1", publicKey: next.publishedKey.publicKey)]))
        #expect(refusal { _ = try verifier.verify(token) } == .badSignature)
        keys.replace(with: JWKS([]))
        #expect(refusal { _ = try verifier.verify(token) } == .unknownKey)
    }

    @Test func manyThreadsVerifyWithOneKey() async throws {
        let fixture = try Fixture.shared.get()
        let token = try fixture.signer.sign(fixture.claims)
        let forged = try fixture.token(by: fixture.stranger)
        let verifier = fixture.verifier()
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<16 {
                group.addTask {
                    (0..<40).allSatisfy { _ in
                        refusal { _ = try verifier.verify(token) } == nil
                            && refusal { _ = try verifier.verify(forged) } == .badSignature
                    }
                }
            }
            for await allRight in group { #expect(allRight) }
        }
    }
}
