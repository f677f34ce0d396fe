import AuthApplication
import AuthDomain
import AuthTesting
import Chronology
import Testing
import Validation

private let new = "a quite different sentence"

@Suite struct ChangePasswordTests {
    private let bench = Bench()

    private func change(_ user: User, _ tokens: IssuedTokens, current: String = Bench.password, to: String = new)
        async throws
    {
        try await bench.changePassword(caller: user.id, sessionID: tokens.sessionID, current: current, new: to)
    }

    @Test func endsEveryOtherSession() async throws {
        let user = try await bench.registered()
        let (mine, other) = (try await bench.loggedIn(), try await bench.loggedIn(device: "phone"))
        try await change(user, mine)
        await #expect(throws: AuthRefusal.invalidRefreshToken) {
            try await bench.refresh(refreshToken: other.refreshToken)
        }
        _ = try await bench.refresh(refreshToken: mine.refreshToken)
        #expect(bench.events(of: user).suffix(2) == ["auth.sessions_revoked", "auth.password_changed"])
        await #expect(throws: AuthRefusal.invalidCredentials) { try await bench.loggedIn() }
        _ = try await bench.login(
            email: Bench.email, password: new, client: ClientDescription(device: "", address: ""))
    }

    @Test func needsTheCurrentPassword() async throws {
        let user = try await bench.registered()
        let tokens = try await bench.loggedIn()
        for wrong in ["wrong horse", new, String(repeating: "x", count: 100_000)] {
            await #expect(throws: AuthRefusal.wrongPassword) { try await change(user, tokens, current: wrong) }
        }
        #expect(bench.events(of: user).last == "auth.user_logged_in")
    }

    @Test(arguments: [
        ("", new, "current_password required"), (Bench.password, "short", "new_password too_short"),
        (Bench.password, "ADA@example.org", "new_password equals_email"),
    ])
    func namesBrokenRulesBeforeItHashes(current: String, to: String, rule: String) async throws {
        let user = try await bench.registered()
        let tokens = try await bench.loggedIn()
        let work = bench.passwords.work
        let failure = await #expect(throws: ValidationFailure.self) {
            try await change(user, tokens, current: current, to: to)
        }
        #expect(failure?.errors.map { "\($0.field) \($0.code)" } == [rule])
        #expect(bench.passwords.work == work)
    }

    @Test func needsASessionAndAnAccount() async throws {
        let user = try await bench.registered()
        await #expect(throws: AuthRefusal.noSession) {
            try await bench.changePassword(caller: user.id, sessionID: nil, current: Bench.password, new: new)
        }
        await #expect(throws: AuthRefusal.unknownUser) {
            try await bench.changePassword(caller: .make(), sessionID: .make(), current: Bench.password, new: new)
        }
    }
}

@Suite struct ResetPasswordTests {
    private let bench = Bench()

    /// Registers Ada and asks for a reset: the token is `t2`.
    private func asked() async throws -> User {
        let user = try await bench.registered()
        try await bench.forgotPassword(email: "ada@EXAMPLE.org")
        #expect(bench.events(of: user) == firstEvents)
        for _ in 0..<2 { try await bench.answerRequests() }
        #expect(bench.events(of: user) == firstEvents + ["auth.password_reset_requested"])
        return user
    }

    @Test func setsANewPasswordOnce() async throws {
        let user = try await asked()
        let tokens = try await bench.loggedIn()
        let request = { try await bench.resetPassword(token: "t2", new: new) }
        try await request()
        await #expect(throws: AuthRefusal.invalidToken) { try await request() }
        await #expect(throws: AuthRefusal.invalidRefreshToken) {
            try await bench.refresh(refreshToken: tokens.refreshToken)
        }
        #expect(bench.events(of: user).suffix(2) == ["auth.sessions_revoked", "auth.password_changed"])
        await #expect(throws: AuthRefusal.invalidCredentials) { try await bench.loggedIn() }
    }

    @Test func aRefusedPasswordDoesNotUseUpTheToken() async throws {
        _ = try await asked()
        let work = bench.passwords.work
        for (password, code) in [("short", "too_short"), ("Ada@example.org", "equals_email"), ("", "required")] {
            let failure = await #expect(throws: ValidationFailure.self) {
                try await bench.resetPassword(token: "t2", new: password)
            }
            #expect(failure?.errors.map { "\($0.field) \($0.code)" } == ["new_password \(code)"])
        }
        #expect(bench.passwords.work == work)
        try await bench.resetPassword(token: "t2", new: new)
    }

    /// `t1` confirms the address.
    @Test(arguments: ["t1", "t99", "no token", "\u{0}"])
    func refusesOtherTokensWithoutWork(token: String) async throws {
        _ = try await asked()
        let work = bench.passwords.work
        await #expect(throws: AuthRefusal.invalidToken) { try await bench.resetPassword(token: token, new: new) }
        #expect(bench.passwords.work == work)
        await #expect(throws: AuthRefusal.invalidToken) { try await bench.verifyEmail(token: "t2") }
    }

    @Test func refusesAfterAnHour() async throws {
        _ = try await asked()
        bench.clock.advance(by: Lifetime.passwordReset)
        await #expect(throws: AuthRefusal.invalidToken) { try await bench.resetPassword(token: "t2", new: new) }
    }

    @Test func mailsAreLimitedWhateverIsAsked() async throws {
        let user = try await asked()
        for _ in 0..<10 { try await bench.forgotPassword(email: Bench.email) }
        try await bench.answerRequests()
        #expect(
            bench.events(of: user).filter { $0 == "auth.password_reset_requested" }.count == PasswordResetLimit.count)
        bench.clock.advance(by: PasswordResetLimit.interval)
        try await bench.forgotPassword(email: Bench.email)
        try await bench.answerRequests()
        #expect(
            bench.events(of: user).filter { $0 == "auth.password_reset_requested" }.count
                == PasswordResetLimit.count + 1)
    }

    @Test func anUnknownAddressIsAskedForAlike() async throws {
        try await bench.forgotPassword(email: "nobody@example.org")
        try await bench.answerRequests()
        let failure = await #expect(throws: ValidationFailure.self) { try await bench.forgotPassword(email: "nobody") }
        #expect(failure?.errors.map { "\($0.field) \($0.code)" } == ["email invalid_email"])
    }
}

@Suite struct RevokeSessionsTests {
    private let bench = Bench()

    @Test func endsOne() async throws {
        let user = try await bench.registered()
        let (mine, other) = (try await bench.loggedIn(), try await bench.loggedIn(device: "phone"))
        try await bench.revokeSessions.one(other.sessionID.description, caller: user.id)
        await #expect(throws: AuthRefusal.invalidRefreshToken) {
            try await bench.refresh(refreshToken: other.refreshToken)
        }
        _ = try await bench.refresh(refreshToken: mine.refreshToken)
        await #expect(throws: AuthRefusal.unknownSession) {
            try await bench.revokeSessions.one(other.sessionID.description, caller: user.id)
        }
    }

    @Test func knowsNoSessionOfAnother() async throws {
        _ = try await bench.registered()
        let tokens = try await bench.loggedIn()
        for id in [tokens.sessionID.description, UUIDv7.make().description, "x", ""] {
            await #expect(throws: AuthRefusal.unknownSession) {
                try await bench.revokeSessions.one(id, caller: .make())
            }
        }
        _ = try await bench.refresh(refreshToken: tokens.refreshToken)
    }

    @Test func endsAllAndTellsOnce() async throws {
        let user = try await bench.registered()
        for _ in 0..<3 { _ = try await bench.loggedIn() }
        for _ in 0..<2 { try await bench.revokeSessions.all(caller: user.id) }
        #expect(try await bench.listSessions(caller: user.id, limit: nil, cursor: nil).items.isEmpty)
        #expect(bench.events(of: user).filter { $0 == "auth.sessions_revoked" }.count == 1)
    }
}
