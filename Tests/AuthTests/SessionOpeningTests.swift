import AuthApplication
import AuthDomain
import Chronology
import Testing

@Suite struct SessionOpeningTests {
    private let bench = Bench()
    private let client = ClientDescription(device: "curl", address: "127.0.0.1")

    private func user(status: AccountStatus = .active, mfaEnabled: Bool = false) async throws -> User {
        let user = try await bench.registered()
        return User(
            id: user.id, email: user.email, displayName: user.displayName, baseCurrency: user.baseCurrency,
            locale: user.locale, timeZone: user.timeZone, emailVerified: true, roles: user.roles, status: status,
            mfaEnabled: mfaEnabled, version: 2, createdAt: user.createdAt, updatedAt: user.updatedAt)
    }

    @Test func aUserWithoutASecondFactorGetsTokens() async throws {
        let user = try await user()
        let outcome = try await bench.opening.firstFactorPassed(by: user, client: client)
        guard case .tokens(let tokens) = outcome else {
            Issue.record("no tokens")
            return
        }
        let sessions = try await bench.listSessions(caller: user.id, limit: nil, cursor: nil)
        #expect(sessions.items.map(\.id) == [tokens.sessionID])
    }

    @Test func aUserWithASecondFactorGetsAChallengeAndNothingElse() async throws {
        let user = try await user(mfaEnabled: true)
        let outcome = try await bench.opening.firstFactorPassed(by: user, client: client, passwordHash: "new:hash")
        #expect(outcome == .secondFactorRequired(challenge: "t2"))
        #expect(try await bench.listSessions(caller: user.id, limit: nil, cursor: nil).items.isEmpty)
        #expect(bench.events(of: user) == firstEvents)
        #expect(try await bench.store.credential(for: user.email)?.passwordHash == "new:hash")
    }

    @Test func aLockedUserIsTurnedAway() async throws {
        let user = try await user(status: .locked, mfaEnabled: true)
        await #expect(throws: AuthRefusal.accountLocked) {
            try await bench.opening.firstFactorPassed(by: user, client: client)
        }
    }
}
