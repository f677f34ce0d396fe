import AuthApplication
import AuthDomain
import AuthTesting
import Chronology
import Testing
import Validation

@Suite struct LoginTests {
    private let bench = Bench()

    @Test func beginsASession() async throws {
        let user = try await bench.registered()
        let tokens = try await bench.loggedIn()
        #expect(tokens.accessToken == "\(user.id) \(tokens.sessionID) [\"user\"] \(bench.clock.now())")
        #expect(tokens.accessLifetime == .seconds(900) && tokens.refreshLifetime == .seconds(7 * 86_400))
        #expect(bench.events(of: user) == firstEvents + ["auth.user_logged_in"])
    }

    @Test(arguments: [
        (Bench.email, "wrong horse"), ("nobody@example.org", Bench.password), ("no address", Bench.password),
        (Bench.email, Bench.password + " "), (Bench.email, String(repeating: "x", count: 100_000)),
    ])
    func refusesEveryOtherPairAlikeAfterTheSameWork(email: String, password: String) async throws {
        let user = try await bench.registered()
        await #expect(throws: AuthRefusal.invalidCredentials) {
            try await bench.login(
                email: email, password: password, client: ClientDescription(device: "", address: ""))
        }
        #expect(bench.passwords.work == 2)
        #expect(bench.events(of: user) == firstEvents)
    }

    @Test func namesWhatIsMissing() async throws {
        let failure = await #expect(throws: ValidationFailure.self) {
            try await bench.login(email: "", password: "", client: ClientDescription(device: "", address: ""))
        }
        #expect(failure?.errors.map { "\($0.field) \($0.code)" } == ["email required", "password required"])
    }

    @Test func bringsAnOldHashUpToDate() async throws {
        let user = try await bench.registered()
        let session = Session(startingFor: user.id, client: "x", address: "", at: bench.clock.now())
        let token = NewRefreshToken(digest: [1], expiresAt: bench.clock.now() + .seconds(60))
        _ = try await bench.store.open(session, refreshToken: token, passwordHash: "old:\(Bench.password)")
        _ = try await bench.loggedIn()
        #expect(try await bench.store.credential(for: user.email)?.passwordHash == "new:\(Bench.password)")
    }

    @Test func leavesNoSessionBehindWhenItCannotSign() async throws {
        let user = try await bench.registered()
        bench.accessTokens.lose()
        await #expect(throws: AuthRefusal.keysUnavailable) { try await bench.loggedIn() }
        #expect(try await bench.listSessions(caller: user.id, limit: nil, cursor: nil).items.isEmpty)
    }
}

@Suite struct RefreshUseCaseTests {
    private let bench = Bench()

    @Test func givesOutASuccessorOfTheSameSession() async throws {
        let user = try await bench.registered()
        let first = try await bench.loggedIn()
        bench.clock.advance(by: .seconds(800))
        let second = try await bench.refresh(refreshToken: first.refreshToken)
        #expect(second.sessionID == first.sessionID && second.refreshToken != first.refreshToken)
        #expect(second.accessToken.hasPrefix("\(user.id) \(first.sessionID)"))
        #expect(second.refreshLifetime == Lifetime.refreshToken)
        _ = try await bench.refresh(refreshToken: second.refreshToken)
        #expect(bench.events(of: user) == firstEvents + ["auth.user_logged_in"])
    }

    @Test func tellsTheSameSuccessorAgainForAWhile() async throws {
        _ = try await bench.registered()
        let first = try await bench.loggedIn()
        let second = try await bench.refresh(refreshToken: first.refreshToken)
        bench.clock.advance(by: .seconds(10))
        let again = try await bench.refresh(refreshToken: first.refreshToken)
        #expect(again.refreshToken == second.refreshToken)
        #expect(again.refreshLifetime == Lifetime.refreshToken - .seconds(10))
        _ = try await bench.refresh(refreshToken: again.refreshToken)
    }

    @Test func endsTheSessionWhenAnOldTokenComesBack() async throws {
        let user = try await bench.registered()
        let first = try await bench.loggedIn()
        let other = try await bench.loggedIn()
        let second = try await bench.refresh(refreshToken: first.refreshToken)
        bench.clock.advance(by: .seconds(11))
        for token in [first.refreshToken, second.refreshToken, first.refreshToken] {
            await #expect(throws: AuthRefusal.invalidRefreshToken) { try await bench.refresh(refreshToken: token) }
        }
        #expect(bench.events(of: user).filter { $0 == "auth.sessions_revoked" }.count == 1)
        _ = try await bench.refresh(refreshToken: other.refreshToken)
    }

    @Test func endsTheSessionWhenTheTokenBeforeTheLastComesBack() async throws {
        _ = try await bench.registered()
        let first = try await bench.loggedIn()
        let second = try await bench.refresh(refreshToken: first.refreshToken)
        let third = try await bench.refresh(refreshToken: second.refreshToken)
        for token in [first.refreshToken, third.refreshToken] {
            await #expect(throws: AuthRefusal.invalidRefreshToken) { try await bench.refresh(refreshToken: token) }
        }
    }

    @Test(arguments: ["t99", "nothing"])
    func refusesWhatIsUnknown(token: String) async throws {
        await #expect(throws: AuthRefusal.invalidRefreshToken) { try await bench.refresh(refreshToken: token) }
    }

    @Test func refusesAfterAWeekWithoutEndingAnything() async throws {
        let user = try await bench.registered()
        let tokens = try await bench.loggedIn()
        bench.clock.advance(by: Lifetime.refreshToken)
        await #expect(throws: AuthRefusal.invalidRefreshToken) {
            try await bench.refresh(refreshToken: tokens.refreshToken)
        }
        #expect(bench.events(of: user).last == "auth.user_logged_in")
    }

    @Test func noSessionGoesOnForEver() async throws {
        _ = try await bench.registered()
        var tokens = try await bench.loggedIn()
        for day in 1...89 {
            bench.clock.advance(by: .seconds(86_400))
            tokens = try await bench.refresh(refreshToken: tokens.refreshToken)
            #expect(tokens.refreshLifetime == .seconds(86_400 * min(7, 90 - day)))
        }
        bench.clock.advance(by: .seconds(86_400))
        await #expect(throws: AuthRefusal.invalidRefreshToken) {
            try await bench.refresh(refreshToken: tokens.refreshToken)
        }
    }

    @Test func asksForAToken() async throws {
        let failure = await #expect(throws: ValidationFailure.self) { try await bench.refresh(refreshToken: "") }
        #expect(failure?.errors.map(\.field) == ["refresh_token"])
    }
}

@Suite struct LogoutTests {
    private let bench = Bench()

    @Test func endsTheCallersSessionAlone() async throws {
        let user = try await bench.registered()
        let (ended, other) = (try await bench.loggedIn(), try await bench.loggedIn(device: "phone"))
        for _ in 0..<2 { try await bench.logout(caller: user.id, sessionID: ended.sessionID) }
        await #expect(throws: AuthRefusal.invalidRefreshToken) {
            try await bench.refresh(refreshToken: ended.refreshToken)
        }
        let left = try await bench.listSessions(caller: user.id, limit: nil, cursor: nil)
        #expect(left.items.map(\.id) == [other.sessionID] && left.items.map(\.device) == ["phone"])
        #expect(bench.events(of: user).filter { $0 == "auth.sessions_revoked" }.count == 1)
    }

    @Test func needsASession() async throws {
        await #expect(throws: AuthRefusal.noSession) { try await bench.logout(caller: .make(), sessionID: nil) }
    }

    @Test func cannotEndAnothersSession() async throws {
        _ = try await bench.registered()
        let tokens = try await bench.loggedIn()
        try await bench.logout(caller: .make(), sessionID: tokens.sessionID)
        _ = try await bench.refresh(refreshToken: tokens.refreshToken)
    }
}

@Suite struct ListSessionsTests {
    @Test(arguments: [(0, nil), (101, nil), (nil, "zz"), (nil, "6162")] as [(Int64?, String?)])
    func refusesWhatIsNoPage(limit: Int64?, cursor: String?) async throws {
        let bench = Bench()
        let failure = await #expect(throws: ValidationFailure.self) {
            try await bench.listSessions(caller: .make(), limit: limit, cursor: cursor)
        }
        #expect(failure?.errors.count == 1)
    }

    @Test(arguments: [
        ("curl/7.88.1", "curl/7.88.1"), ("", "unknown"), ("a\nb\u{7f}", "ab"), ("\t", "unknown"),
        (String(repeating: "é", count: 300), String(repeating: "é", count: 200)),
    ])
    func keepsAReadableDevice(named name: String, as device: String) {
        let session = Session(startingFor: .make(), client: name, address: "::1", at: Timestamp(secondsSinceEpoch: 0))
        #expect(session.device == device)
    }
}
