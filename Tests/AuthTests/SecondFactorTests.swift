import AuthDomain
import AuthTesting
import Testing

@Suite struct SecondFactorRuleTests {
    @Test(
        arguments: [
            (0, nil), (1, nil), (4, nil), (5, 30), (6, 60), (7, 120), (9, 480), (10, 900), (11, 900), (1_000_000, 900),
        ] as [(Int, Int?)])
    func delaysGrowAndEnd(failures: Int, seconds: Int?) {
        #expect(MfaLimit.delay(afterFailures: failures) == seconds.map { .seconds($0) })
    }

    @Test func aRecoveryCodeIsReadAsItIsTyped() throws {
        let code = RecoveryCode(bytes: [0x00, 0x44, 0x32, 0x14, 0xC7, 0x42, 0x54, 0xB6, 0x35, 0xCF])
        #expect(code.text == "0123-4567-89ab-cdef")
        for typed in [code.text, code.normalized, "0123 4567 89AB CDEF", "OI23-4567-89ab-cdef", "ol23456789abcdef"] {
            #expect(RecoveryCode(typed: typed) == code)
        }
    }

    @Test(arguments: ["", "0123-4567-89ab-cde", "0123-4567-89ab-cdef0", "0123-4567-89ab-cdeu", "ᵒ123-4567-89ab-cdef"])
    func whatIsNoRecoveryCode(text: String) {
        #expect(RecoveryCode(typed: text) == nil)
    }

    @Test func theLastBitsCount() {
        let codes = (0...255).map { RecoveryCode(bytes: [9, 8, 7, 6, 5, 4, 3, 2, 1, $0]).normalized }
        #expect(Set(codes).count == 256)
    }

    @Test func typedCodesAreToldApart() throws {
        #expect(TypedCode("123456") == .totp("123456"))
        #expect(TypedCode(" 123 456 ") == .totp("123456"))
        #expect(TypedCode("12345") == .malformed)
        #expect(TypedCode("1234567") == .malformed)
        #expect(TypedCode("١٢٣٤٥٦") == .malformed)
        let code = try #require(RecoveryCode(typed: "0123-4567-89ab-cdef"))
        #expect(TypedCode("0123-4567-89ab-cdef") == .recoveryCode(code))
    }

    @Test func theURIHoldsNothingThatEndsIt() throws {
        let email = try #require(EmailAddress("a&b=c?d/é@example.org"))
        let uri = TotpEnrolment(secret: "ABC", email: email).uri
        #expect(
            uri == "otpauth://totp/Florin:a%26b%3Dc%3Fd%2F%C3%A9%40example.org?secret=ABC&issuer=Florin"
                + "&algorithm=SHA1&digits=6&period=30")
    }
}

@Suite struct InMemoryMfaStoreTests {
    @Test(arguments: MfaStoreConformance.Check.allCases)
    func keepsWhatThePortPromises(check: MfaStoreConformance.Check) async throws {
        let store = InMemoryAuthStore()
        try await MfaStoreConformance(accounts: store, sessions: store, factors: store) { user in
            store.events(of: user)
        }.run(check)
    }
}
