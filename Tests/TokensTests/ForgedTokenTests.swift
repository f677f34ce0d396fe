import Chronology
import Secrets
import Testing

@testable import Tokens

/// A token that must be refused, and why.
struct Forgery: Sendable {
    let name: String
    let token: String
    let expected: TokenError.Code

    /// Every forgery, each but for one fault a good token.
    static func all(_ fixture: Fixture) throws -> [Forgery] {
        try headers(fixture) + signatures(fixture) + forms(fixture) + claims(fixture)
    }

    private static func headers(_ fixture: Fixture) throws -> [Forgery] {
        let faults: [(String, String, TokenError.Code)] = [
            ("alg none", #"{"alg":"none","typ":"at+jwt","kid":"k1"}"#, .unsupportedAlgorithm),
            ("alg None", #"{"alg":"None","typ":"at+jwt","kid":"k1"}"#, .unsupportedAlgorithm),
            ("alg HS256", #"{"alg":"HS256","typ":"at+jwt","kid":"k1"}"#, .unsupportedAlgorithm),
            ("alg PS256", #"{"alg":"PS256","typ":"at+jwt","kid":"k1"}"#, .unsupportedAlgorithm),
            ("alg RS512", #"{"alg":"RS512","typ":"at+jwt","kid":"k1"}"#, .unsupportedAlgorithm),
            ("alg in lower case", #"{"alg":"rs256","typ":"at+jwt","kid":"k1"}"#, .unsupportedAlgorithm),
            ("alg missing", #"{"typ":"at+jwt","kid":"k1"}"#, .unsupportedAlgorithm),
            ("alg a list", #"{"alg":["RS256"],"typ":"at+jwt","kid":"k1"}"#, .unsupportedAlgorithm),
            ("alg twice", #"{"alg":"RS256","alg":"none","typ":"at+jwt","kid":"k1"}"#, .malformed),
            ("alg twice, escaped", #"{"alg":"RS256","\u0061lg":"none","typ":"at+jwt","kid":"k1"}"#, .malformed),
            ("typ JWT", #"{"alg":"RS256","typ":"JWT","kid":"k1"}"#, .unsupportedType),
            ("typ missing", #"{"alg":"RS256","kid":"k1"}"#, .unsupportedType),
            ("typ of another purpose", #"{"alg":"RS256","typ":"logout+jwt","kid":"k1"}"#, .unsupportedType),
            ("kid missing", #"{"alg":"RS256","typ":"at+jwt"}"#, .unknownKey),
            ("kid empty", #"{"alg":"RS256","typ":"at+jwt","kid":""}"#, .unknownKey),
            ("kid a number", #"{"alg":"RS256","typ":"at+jwt","kid":1}"#, .unknownKey),
            ("kid unknown", #"{"alg":"RS256","typ":"at+jwt","kid":"k2"}"#, .unknownKey),
            ("kid a path", #"{"alg":"RS256","typ":"at+jwt","kid":"../../dev/null"}"#, .unknownKey),
            ("header a list", #"["RS256"]"#, .malformed),
            ("header a string", #""RS256""#, .malformed),
            ("header not JSON", "{alg:RS256}", .malformed),
            ("header too deep", #"{"a":[[[[[[[[[[1]]]]]]]]]],"alg":"RS256","typ":"at+jwt","kid":"k1"}"#, .malformed),
            ("header with a NUL", #"{"alg":"RS256","typ":"at+jwt","kid":"k1\u0000"}"#, .malformed),
        ]
        let forbidden = ["crit", "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "b64", "zip", "enc", "cty"].map {
            (
                "header \($0)", #"{"alg":"RS256","typ":"at+jwt","kid":"k1","\#($0)":["exp"]}"#,
                TokenError.Code.forbiddenHeader
            )
        }
        return try (faults + forbidden).map {
            Forgery(name: $0.0, token: try fixture.token(header: $0.1), expected: $0.2)
        }
    }

    private static func signatures(_ fixture: Fixture) throws -> [Forgery] {
        let good = try fixture.token()
        let parts = good.split(separator: ".").map(String.init)
        let hmacHeader = Base64URL.encode(Array(#"{"alg":"HS256","typ":"at+jwt","kid":"k1"}"#.utf8))
        let hmac = hmacSHA256(
            Array("\(hmacHeader).\(parts[1])".utf8), key: JWKS([fixture.signer.publishedKey]).encoded())
        var flipped = try Base64URL.decode(parts[2])
        flipped[100] ^= 1
        let other = Base64URL.encode(Array(fixture.payload(["roles": #"["admin"]"#]).utf8))
        let zeros = Base64URL.encode(Array(repeating: 0, count: 384))
        return [
            Forgery(
                name: "HS256 with the public key as secret",
                token: "\(hmacHeader).\(parts[1]).\(Base64URL.encode(hmac))", expected: .unsupportedAlgorithm),
            Forgery(
                name: "signed by a stranger", token: try fixture.token(by: fixture.stranger), expected: .badSignature),
            Forgery(name: "payload exchanged", token: "\(parts[0]).\(other).\(parts[2])", expected: .badSignature),
            Forgery(
                name: "header exchanged",
                token: Base64URL.encode(Array((Fixture.header + " ").utf8)) + ".\(parts[1]).\(parts[2])",
                expected: .badSignature),
            Forgery(
                name: "signature with a bit changed", token: "\(parts[0]).\(parts[1]).\(Base64URL.encode(flipped))",
                expected: .badSignature),
            Forgery(
                name: "signature cut", token: "\(parts[0]).\(parts[1]).\(Base64URL.encode(Array(flipped.dropLast(3))))",
                expected: .badSignature),
            Forgery(
                name: "signature longer", token: "\(parts[0]).\(parts[1]).\(parts[2])AAAA", expected: .badSignature),
            Forgery(name: "signature of zeros", token: "\(parts[0]).\(parts[1]).\(zeros)", expected: .badSignature),
            Forgery(name: "signature of one byte", token: "\(parts[0]).\(parts[1]).AA", expected: .badSignature),
        ]
    }

    private static func forms(_ fixture: Fixture) throws -> [Forgery] {
        let good = try fixture.token()
        let parts = good.split(separator: ".").map(String.init)
        let malformed = [
            ("empty", ""), ("one part", parts[0]), ("two parts", "\(parts[0]).\(parts[1])"),
            ("no signature", "\(parts[0]).\(parts[1])."),
            ("no payload", "\(parts[0])..\(parts[2])"), ("no header", ".\(parts[1]).\(parts[2])"),
            ("four parts", good + ".AAAA"), ("five parts, as JWE has", good + ".AA.AA"),
            ("a point in front", "." + good),
            ("padding", "\(parts[0])=.\(parts[1]).\(parts[2])"), ("padding at the end", good + "="),
            ("a space in front", " " + good), ("a line end", good + "\n"), ("a NUL", good + "\u{0}"),
            ("Bearer", "Bearer " + good), ("base64 in place of base64url", "\(parts[0]).\(parts[1]).++//"),
            ("points alone", ".."), ("not ASCII", "é.é.é"), ("JSON serialization", #"{"payload":"e30"}"#),
        ].map { Forgery(name: $0.0, token: $0.1, expected: .malformed) }
        let payloads: [(String, String)] = [
            ("payload a list", "[1]"), ("payload a string", #""x""#), ("payload not JSON", "{"),
            ("payload of two values", "{}{}"),
            ("payload with a duplicate", fixture.payload(extra: #""sub":"x","#)),
            ("payload with a duplicate inside", fixture.payload(extra: #""x":{"a":1,"a":2},"#)),
            ("payload not UTF-8", "\u{FEFF}{}"),
        ]
        return try malformed
            + payloads.map { Forgery(name: $0.0, token: try fixture.token(payload: $0.1), expected: .malformed) }
            + [
                Forgery(
                    name: "huge",
                    token: try fixture.token(
                        payload: fixture.payload(extra: "\"x\":\"\(String(repeating: "a", count: 8_000))\",")),
                    expected: .tooLarge),
                Forgery(
                    name: "a megabyte of points", token: String(repeating: ".", count: 1 << 20), expected: .tooLarge),
            ]
    }

    private static func claims(_ fixture: Fixture) throws -> [Forgery] {
        let seconds = fixture.now.secondsSinceEpoch
        let faults: [(String, [String: String?], TokenError.Code)] = [
            ("expired", ["exp": "\(seconds - 31)", "iat": "\(seconds - 900)"], .expired),
            ("not yet valid", ["nbf": "\(seconds + 31)"], .notYetValid),
            ("issued in the future", ["iat": "\(seconds + 31)"], .notYetValid),
            ("ends before it starts", ["exp": "\(seconds)", "iat": "\(seconds + 5)"], .invalidClaim),
            ("exp missing", ["exp": nil], .invalidClaim),
            ("exp a string", ["exp": "\"\(seconds + 900)\""], .invalidClaim),
            ("exp a fraction", ["exp": "\(seconds + 900).5"], .invalidClaim),
            ("exp negative", ["exp": "-1"], .invalidClaim),
            ("exp past 64 bits", ["exp": "9223372036854775808"], .invalidClaim),
            ("exp null", ["exp": "null"], .invalidClaim),
            ("iat missing", ["iat": nil], .invalidClaim), ("nbf a string", ["nbf": "\"x\""], .invalidClaim),
            ("iss of another", ["iss": #""https://evil.example""#], .wrongIssuer),
            ("iss missing", ["iss": nil], .wrongIssuer),
            ("iss with a slash more", ["iss": "\"\(Fixture.issuer)/\""], .wrongIssuer),
            ("iss a list", ["iss": "[\"\(Fixture.issuer)\"]"], .wrongIssuer),
            ("aud of another", ["aud": #""other""#], .wrongAudience), ("aud missing", ["aud": nil], .wrongAudience),
            ("aud an empty list", ["aud": "[]"], .wrongAudience),
            ("aud of others", ["aud": #"["a","b"]"#], .wrongAudience),
            ("aud a part", ["aud": #""flori""#], .wrongAudience),
            ("aud an object", ["aud": #"{"florin":1}"#], .wrongAudience),
            ("sub missing", ["sub": nil], .invalidClaim), ("sub no identifier", ["sub": #""root""#], .invalidClaim),
            ("sub a number", ["sub": "1"], .invalidClaim), ("sid missing", ["sid": nil], .invalidClaim),
            ("jti missing", ["jti": nil], .invalidClaim), ("jti empty", ["jti": "\"\""], .invalidClaim),
            ("scope missing", ["scope": nil], .invalidClaim), ("scope a list", ["scope": "[]"], .invalidClaim),
            ("roles missing", ["roles": nil], .invalidClaim), ("roles a string", ["roles": #""admin""#], .invalidClaim),
            ("roles of numbers", ["roles": "[1]"], .invalidClaim),
        ]
        return try faults.map {
            Forgery(name: $0.0, token: try fixture.token(payload: fixture.payload($0.1)), expected: $0.2)
        }
    }
}

@Suite("Forged tokens")
struct ForgedTokenTests {
    @Test func eachIsRefusedForItsOwnFault() throws {
        let fixture = try Fixture.shared.get()
        let verifier = fixture.verifier()
        #expect(refusal { _ = try verifier.verify(fixture.token()) } == nil)
        for forgery in try Forgery.all(fixture) {
            #expect(refusal { _ = try verifier.verify(forgery.token) } == forgery.expected, "\(forgery.name)")
        }
    }

    @Test func anyChangedCharacterIsRefused() throws {
        let fixture = try Fixture.shared.get()
        let verifier = fixture.verifier()
        let good = Array(try fixture.token().utf8)
        for index in stride(from: 0, to: good.count, by: 5) {
            var changed = good
            changed[index] = changed[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            let token = String(decoding: changed, as: UTF8.self)
            #expect(refusal { _ = try verifier.verify(token) } != nil, "character \(index)")
        }
    }

    @Test func noneHoldsBytesOfTheTokenInItsError() throws {
        let fixture = try Fixture.shared.get()
        let user = fixture.claims.identity.userID.description
        for forgery in try Forgery.all(fixture) {
            do {
                _ = try fixture.verifier().verify(forgery.token)
            } catch {
                #expect(!error.description.contains(user))
                #expect(error.isRetriable == (error.code == .unknownKey))
            }
        }
    }

    @Test func randomTextsNeverTrap() throws {
        let verifier = try Fixture.shared.get().verifier()
        let alphabet = Array("AZaz09-_.={}\":,e\u{0} é")
        for _ in 0..<2_000 {
            let text = String((0..<Int.random(in: 0...60)).compactMap { _ in alphabet.randomElement() })
            #expect(refusal { _ = try verifier.verify(text) } != nil)
        }
    }
}
