import AuthApplication
import AuthDomain
import AuthTesting
import Chronology
import Idempotency
import Testing
import Validation

@Suite struct RegisterTests {
    private let bench = Bench()

    @Test func makesAnAccountThatIsNotVerified() async throws {
        let user = try await bench.registered()
        #expect(try await bench.store.user(user.id) == user)
        #expect(!user.emailVerified && user.createdAt == bench.clock.now())
        #expect(bench.events(of: user) == firstEvents)
        let credential = try await bench.store.credential(for: user.email)
        #expect(credential?.passwordHash == "new:\(Bench.password)")
    }

    @Test func answersTheSameForAKnownAddressAndDoesTheSameWork() async throws {
        let first = try await bench.registered()
        let other = try await bench.register(
            RegistrationRequest(email: "ADA@example.org", password: "another horse", displayName: "Eve")
        ) { _ in nil }
        #expect(bench.passwords.work == 2)
        #expect(other.id != first.id && other.displayName == "Eve" && !other.emailVerified)
        #expect(bench.events(of: other).isEmpty)
        #expect(try await bench.store.user(other.id) == nil)
        #expect(try await bench.store.user(first.id) == first)
        #expect(bench.events(of: first) == firstEvents)
        for _ in 0..<2 { try await bench.answerRequests() }
        #expect(bench.events(of: first) == firstEvents + ["auth.registration_repeated"])
    }

    @Test func keepsTheReceiptEitherWay() async throws {
        for answer: UInt8 in 1...2 {
            let key = IdempotencyKey(userID: .make(), key: "k\(answer)", fingerprint: "f")
            _ = try await bench.register(
                RegistrationRequest(email: Bench.email, password: Bench.password, displayName: "Ada")
            ) { _ in IdempotencyReceipt(key: key, answer: [answer]) }
        }
        #expect(bench.store.receipts.map(\.answer) == [[1], [2]])
    }

    @Test func refusesBeforeItHashes() async throws {
        let failure = await #expect(throws: ValidationFailure.self) {
            try await bench.register(
                RegistrationRequest(email: "ada", password: "short", displayName: "")
            ) { _ in nil }
        }
        #expect(failure?.errors.map(\.field) == ["email", "password", "display_name"])
        #expect(bench.passwords.work == 0)
    }

    @Test func refusesWhenThereIsTooMuchToHash() async throws {
        bench.passwords.overload()
        await #expect(throws: AuthRefusal.overloaded) { try await bench.registered() }
    }
}

@Suite struct VerifyEmailTests {
    private let bench = Bench()

    @Test func confirmsOnce() async throws {
        let user = try await bench.registered()
        try await bench.verifyEmail(token: "t1")
        #expect(try await bench.store.user(user.id)?.emailVerified == true)
        await #expect(throws: AuthRefusal.invalidToken) { try await bench.verifyEmail(token: "t1") }
        #expect(bench.events(of: user) == firstEvents + ["auth.email_verified"])
    }

    @Test(arguments: ["t2", "no token", "\u{0}"])
    func refusesWhatIsNoTicket(token: String) async throws {
        _ = try await bench.registered()
        await #expect(throws: AuthRefusal.invalidToken) { try await bench.verifyEmail(token: token) }
    }

    @Test func refusesAfterADay() async throws {
        _ = try await bench.registered()
        bench.clock.advance(by: Lifetime.emailVerification)
        await #expect(throws: AuthRefusal.invalidToken) { try await bench.verifyEmail(token: "t1") }
    }

    @Test func asksForAToken() async throws {
        let failure = await #expect(throws: ValidationFailure.self) { try await bench.verifyEmail(token: "") }
        #expect(failure?.errors.map(\.code) == ["required"])
    }

    @Test func sendsAnotherMailWithoutSpoilingTheFirst() async throws {
        let user = try await bench.registered()
        try await bench.resend(email: "ada@EXAMPLE.org")
        #expect(bench.events(of: user) == firstEvents)
        for _ in 0..<2 { try await bench.answerRequests() }
        #expect(bench.events(of: user) == firstEvents + ["auth.email_verification_requested"])
        try await bench.verifyEmail(token: "t1")
        await #expect(throws: AuthRefusal.invalidToken) { try await bench.verifyEmail(token: "t2") }
        try await bench.resend(email: Bench.email)
        try await bench.answerRequests()
        #expect(bench.events(of: user).last == "auth.email_verified")
    }

    @Test func doesNotTellWhetherAnAddressIsKnown() async throws {
        try await bench.resend(email: "nobody@example.org")
        try await bench.answerRequests()
        let failure = await #expect(throws: ValidationFailure.self) { try await bench.resend(email: "nobody") }
        #expect(failure?.errors.map(\.code) == ["invalid_email"])
    }
}

@Suite struct ProfileTests {
    @Test func readsTheCaller() async throws {
        let bench = Bench()
        let user = try await bench.registered()
        #expect(try await GetProfile(accounts: bench.store)(caller: user.id) == user)
        await #expect(throws: AuthRefusal.unknownUser) {
            try await GetProfile(accounts: bench.store)(caller: .make())
        }
    }

    @Test func aKeySetIsNeverEmpty() throws {
        let tokens = ReadableAccessTokens()
        #expect(try GetKeySet(accessTokens: tokens)().map(\.id) == ["k1"])
        tokens.lose()
        #expect(throws: AuthRefusal.keysUnavailable) { try GetKeySet(accessTokens: tokens)() }
    }
}
