import Chronology
import Testing

@testable import Tokens

/// ID tokens of others: which are believed, and which are not.
@Suite struct IDTokenTests {
    private let fixture: Fixture
    private static let header = #"{"alg":"RS256","typ":"JWT","kid":"k1"}"#

    init() throws { fixture = try Fixture.shared.get() }

    private func verifier(at offset: Duration = .zero) -> IDTokenVerifier {
        IDTokenVerifier(
            keys: fixture.keySet, issuer: Fixture.issuer, audiences: ["web", "app"],
            clock: StoppedClock(instant: fixture.now + offset))
    }

    /// A payload with some members replaced by raw JSON, or left out.
    private func payload(_ changes: [String: String?] = [:]) -> String {
        let seconds = fixture.now.secondsSinceEpoch
        var members: [(String, String?)] = [
            ("iss", "\"\(Fixture.issuer)\""), ("aud", "\"web\""), ("sub", "\"u-1\""), ("iat", "\(seconds)"),
            ("exp", "\(seconds + 3600)"), ("email", "\"ada@example.org\""), ("email_verified", "true"),
            ("name", "\"Ada\""), ("locale", "\"en-GB\""),
        ]
        for (name, value) in changes {
            members.removeAll { $0.0 == name }
            members.append((name, value))
        }
        let shown = members.compactMap { name, value in value.map { "\"\(name)\":\($0)" } }
        return "{" + shown.joined(separator: ",") + "}"
    }

    private func refusal(
        _ changes: [String: String?] = [:], header: String = Self.header, nonce: String? = nil,
        at offset: Duration = .zero, by key: RSAPrivateKey? = nil
    ) throws -> TokenError.Code? {
        let token = try fixture.token(header: header, payload: payload(changes), by: key)
        return TokensTests.refusal { _ = try verifier(at: offset).verify(token, nonce: nonce) }
    }

    @Test func aSoundTokenIsBelieved() throws {
        let claims = try verifier().verify(fixture.token(header: Self.header, payload: payload()), nonce: nil)
        #expect(
            claims
                == IDTokenClaims(
                    subject: "u-1", email: "ada@example.org", isEmailVerified: true, name: "Ada", locale: "en-GB",
                    expiresAt: fixture.now + .seconds(3600)))
    }

    @Test(arguments: [
        #"{"alg":"RS256","kid":"k1"}"#, #"{"alg":"RS256","typ":"jwt","kid":"k1"}"#,
        #"{"alg":"RS256","typ":"JWT","kid":"k1","x5t":"abc"}"#,
    ])
    func headersThatIssuersWrite(header: String) throws {
        #expect(try refusal(header: header) == nil)
    }

    @Test(arguments: [
        (#"{"alg":"none","kid":"k1"}"#, TokenError.Code.unsupportedAlgorithm),
        (#"{"alg":"HS256","kid":"k1"}"#, .unsupportedAlgorithm),
        (#"{"alg":"rs256","kid":"k1"}"#, .unsupportedAlgorithm),
        (#"{"alg":"PS256","kid":"k1"}"#, .unsupportedAlgorithm),
        (#"{"alg":"RS256","typ":"at+jwt","kid":"k1"}"#, .unsupportedType),
        (#"{"alg":"RS256","typ":1,"kid":"k1"}"#, .unsupportedType), (#"{"alg":"RS256"}"#, .unknownKey),
        (#"{"alg":"RS256","kid":"k2"}"#, .unknownKey),
        (#"{"alg":"RS256","kid":"k1","jku":"https://evil.example/keys"}"#, .forbiddenHeader),
        (#"{"alg":"RS256","kid":"k1","jwk":{}}"#, .forbiddenHeader),
        (#"{"alg":"RS256","kid":"k1","x5u":"https://evil.example/c"}"#, .forbiddenHeader),
        (#"{"alg":"RS256","kid":"k1","crit":["exp"]}"#, .forbiddenHeader),
        (#"{"alg":"RS256","kid":"k1","kid":"k1"}"#, .malformed),
    ])
    func headersThatNobodyBelieves(header: String, code: TokenError.Code) throws {
        #expect(try refusal(header: header) == code)
    }

    @Test(
        arguments: [
            ("iss", "\"https://evil.example\"", TokenError.Code.wrongIssuer), ("iss", nil, .wrongIssuer),
            ("iss", "\"https://money.example/\"", .wrongIssuer), ("aud", "\"other\"", .wrongAudience),
            ("aud", nil, .wrongAudience), ("aud", "[]", .wrongAudience), ("aud", "[\"other\",\"web\"]", .wrongAudience),
            ("azp", "\"other\"", .wrongAudience), ("sub", nil, .invalidClaim), ("sub", "\"\"", .invalidClaim),
            ("sub", "7", .invalidClaim), ("sub", "\"ä\"", .invalidClaim), ("exp", nil, .invalidClaim),
            ("exp", "\"1795170600\"", .invalidClaim), ("iat", nil, .invalidClaim), ("exp", "1795166969", .expired),
            ("iat", "1795167031", .notYetValid), ("nbf", "1795167031", .notYetValid),
            ("nonce", "\"n\"", .wrongNonce), ("nonce", "7", .wrongNonce),
        ] as [(String, String?, TokenError.Code)])
    func claimsThatNobodyBelieves(name: String, value: String?, code: TokenError.Code) throws {
        #expect(try refusal([name: value]) == code)
    }

    @Test func severalAudiencesNameTheOneItWasMadeFor() throws {
        #expect(try refusal(["aud": "[\"other\",\"web\"]", "azp": "\"web\""]) == nil)
        #expect(try refusal(["aud": "[\"web\"]"]) == nil)
        #expect(try refusal(["aud": "\"app\"", "azp": "\"app\""]) == nil)
    }

    @Test func theNonceIsTheOneThatWasSent() throws {
        #expect(try refusal(["nonce": "\"n\""], nonce: "n") == nil)
        #expect(try refusal(["nonce": "\"n\""], nonce: "m") == .wrongNonce)
        #expect(try refusal(nonce: "n") == .wrongNonce)
    }

    @Test func theLeewayIsHalfAMinute() throws {
        #expect(try refusal(at: .seconds(3629)) == nil)
        #expect(try refusal(at: .seconds(3630)) == .expired)
        #expect(try refusal(at: .seconds(-30)) == nil)
        #expect(try refusal(at: .seconds(-31)) == .notYetValid)
    }

    @Test(
        arguments: [
            ("true", true), ("\"true\"", true), ("false", false), ("\"false\"", false), ("1", false), ("null", false),
            (nil, false),
        ] as [(String?, Bool)])
    func onlyAClearYesMakesAnAddressVerified(value: String?, isVerified: Bool) throws {
        let token = try fixture.token(header: Self.header, payload: payload(["email_verified": value]))
        #expect(try verifier().verify(token, nonce: nil).isEmailVerified == isVerified)
    }

    @Test func anotherKeyIsAnotherIssuer() throws {
        #expect(try refusal(by: fixture.stranger) == .badSignature)
    }

    @Test func aTokenThatIsTooLongIsNotLookedAt() throws {
        #expect(try refusal(["name": "\"\(String(repeating: "x", count: 17_000))\""]) == .tooLarge)
        #expect(try refusal(["name": "\"\(String(repeating: "x", count: 9_000))\""]) == nil)
    }
}
