import Chronology
import Foundation
import Testing
import TestKit

@testable import Tokens

/// Florin, PyJWT and joserfc over one table of tokens: each accepts what the others accept, and refuses what they refuse.
@Suite("Other JOSE libraries")
struct OtherLibrariesTests {
    private typealias Verdicts = [String: [String: String]]

    @Test func agreeOnEveryToken() async throws {
        let fixture = try Fixture.shared.get()
        let forged = Dictionary(uniqueKeysWithValues: try Forgery.all(fixture).map { ($0.name, $0.token) })
        let good = try Self.acceptable(fixture)
        let verdicts = try await judge(fixture, good.merging(forged) { first, _ in first })
        #expect(Set(verdicts.keys) == ["pyjwt", "joserfc"])
        let verifier = fixture.verifier()
        for (library, found) in verdicts {
            #expect(found.count == good.count + forged.count)
            for name in good.keys { #expect(found[name] == "accepted", "\(library): \(name)") }
            for name in forged.keys { #expect(found[name] != "accepted", "\(library): \(name)") }
        }
        for (name, token) in good { #expect(refusal { _ = try verifier.verify(token) } == nil, "Florin: \(name)") }
        for (name, token) in forged { #expect(refusal { _ = try verifier.verify(token) } != nil, "Florin: \(name)") }
        // Not all of it is our own rules: signatures, algorithms, keys, audiences and times are theirs.
        for library in verdicts.values {
            #expect(library.values.filter { $0.hasPrefix("library: ") }.count >= 25)
        }
    }

    private static func acceptable(_ fixture: Fixture) throws -> [String: String] {
        let seconds = fixture.now.secondsSinceEpoch
        return [
            "good": try fixture.token(),
            "signed by the signer": try fixture.signer.sign(fixture.claims),
            "without nbf": try fixture.token(payload: fixture.payload(["nbf": nil])),
            "for several": try fixture.token(payload: fixture.payload(["aud": #"["other","florin"]"#])),
            "without scopes": try fixture.token(payload: fixture.payload(["scope": "\"\""])),
            "without roles": try fixture.token(payload: fixture.payload(["roles": "[]"])),
            "with a claim of the future": try fixture.token(
                payload: fixture.payload(extra: #""future":{"a":[1,{"b":null}]},"#)),
            "expired within the leeway": try fixture.token(
                payload: fixture.payload(["exp": "\(seconds - 29)", "iat": "\(seconds - 929)", "nbf": nil])),
            "issued within the leeway": try fixture.token(
                payload: fixture.payload(["iat": "\(seconds + 29)", "nbf": "\(seconds + 29)"])),
            "with spaces": try fixture.token(header: #"{ "kid" : "k1", "alg" : "RS256", "typ":"at+jwt", "note": 1 }"#),
        ]
    }

    private func judge(_ fixture: Fixture, _ tokens: [String: String]) async throws -> Verdicts {
        try await Python.answer(
            "jwt/jose_judges.py",
            to: [
                "jwks": try JSONSerialization.jsonObject(with: Data(JWKS([fixture.signer.publishedKey]).encoded())),
                "issuer": Fixture.issuer, "audience": "florin", "now": fixture.now.secondsSinceEpoch, "leeway": 30,
                "tokens": tokens,
            ])
    }
}
