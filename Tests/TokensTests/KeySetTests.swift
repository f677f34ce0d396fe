import JSON
import Secrets
import Testing

@testable import Tokens

@Suite("JWK sets")
struct KeySetTests {
    @Test func publishedSetsReadBack() throws {
        let fixture = try Fixture.shared.get()
        let set = JWKS([
            fixture.signer.publishedKey, JWKS.Key(id: "with \"quotes\"", publicKey: fixture.stranger.publicKey),
        ])
        #expect(try JWKS(parsing: set.encoded()) == set)
        #expect(try JWKS(parsing: JWKS([]).encoded()).keys.isEmpty)
    }

    @Test func publishesPublicMembersAlone() throws {
        let fixture = try Fixture.shared.get()
        let document = try JSONDocument(parsing: JWKS([fixture.signer.publishedKey]).encoded())
        let keys = try #require(document.root["keys"]).elements.map { $0 }
        #expect(keys.count == 1)
        #expect(keys[0].members.map(\.key) == ["kty", "use", "alg", "kid", "n", "e"])
        #expect(keys[0]["e"]?.string == "AQAB")
    }

    @Test func aSignerNamesItsKeyByItsThumbprint() throws {
        let fixture = try Fixture.shared.get()
        let signer = JWTSigner(key: fixture.key, issuer: Fixture.issuer)
        #expect(signer.keyID == fixture.key.publicKey.thumbprint)
        #expect(signer.keyID.utf8.count == 43)
        #expect(signer.audience == "florin")
    }

    @Test func keysForOtherUsesArePassedOver() throws {
        let fixture = try Fixture.shared.get()
        let modulus = Base64URL.encode(fixture.key.publicKey.modulus)
        func jwk(_ members: String, n: String? = nil) -> String { #"{"n":"\#(n ?? modulus)","e":"AQAB",\#(members)}"# }
        let others = [
            jwk(#""kty":"EC","kid":"a""#), jwk(#""kty":"RSA""#), jwk(#""kty":"RSA","kid":"""#),
            jwk(#""kty":"RSA","kid":7"#),
            jwk(#""kty":"RSA","kid":"a","use":"enc""#), jwk(#""kty":"RSA","kid":"a","alg":"RS512""#),
            jwk(#""kty":"RSA","kid":"a","key_ops":["encrypt"]"#), jwk(#""kty":"RSA","kid":"a""#, n: "AQAB"),
            jwk(#""kty":"RSA","kid":"a""#, n: modulus + "="), #"{"kty":"RSA","kid":"a"}"#, "{}", "1", "null", "[]",
            #"{"kty":"oct","kid":"a","k":"AAAA"}"#,
        ]
        let good = [
            jwk(#""kty":"RSA","kid":"b""#), jwk(#""kty":"RSA","kid":"c","use":"sig","alg":"RS256","x5c":["x"]"#),
            jwk(#""kty":"RSA","kid":"d","key_ops":["verify"]"#),
        ]
        let text = #"{"extra":1,"keys":[\#((others + good).joined(separator: ","))]}"#
        #expect(try JWKS(parsing: Array(text.utf8)).keys.map(\.id) == ["b", "c", "d"])
    }

    @Test func whatIsNoKeySetIsRefused() throws {
        let fixture = try Fixture.shared.get()
        let key = String(
            decoding: JWKS([fixture.signer.publishedKey]).encoded().dropFirst(9).dropLast(2), as: UTF8.self)
        let texts = [
            "", "[]", "{}", "null", #"{"keys":{}}"#, #"{"keys":null}"#, "<html>", #"{"keys":["#,
            #"{"keys":[],"keys":[]}"#,
            #"{"keys":[\#(key),\#(key)]}"#, #"{"keys":[{"kid":"a","kid":"b"}]}"#,
            #"{"keys":[\#(Array(repeating: "{}", count: 101).joined(separator: ","))]}"#,
            #"{"keys":[],"x":"\#(String(repeating: "a", count: JWKS.maximumBytes))"}"#,
        ]
        for text in texts {
            #expect(refusal { _ = try JWKS(parsing: Array(text.utf8)) } == .malformedKeySet, "\(text.prefix(60))")
        }
        #expect(try JWKS(parsing: Array(#"{"keys":[\#(key)]}"#.utf8)).keys.count == 1)
    }
}
