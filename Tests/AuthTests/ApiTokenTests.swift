import AuthDomain
import AuthTesting
import Chronology
import Testing
import Validation

@Suite struct ApiTokenRuleTests {
    private let now = Timestamp(secondsSinceEpoch: 1_790_000_000)

    @Test func scopesHaveOneOrder() throws {
        let token = try ApiToken(
            for: .make(), name: "n", scopes: ["events:read", "profile:read"], expiresAt: nil, at: now)
        #expect(token.scopes == [.profileRead, .eventsRead] && token.expiresAt == nil && token.lastUsedAt == nil)
    }

    @Test(
        arguments: [
            ("", ["profile:read"], nil, ["name required"]), ("n", [], nil, ["scopes required"]),
            ("n", ["profile"], nil, ["scopes.0 unknown_value"]),
            ("n", ["profile:read", "profile:read"], nil, ["scopes.1 duplicate"]),
            ("n", ["profile:read"], "2026-01-01", ["expires_at invalid_instant"]),
            ("n", ["profile:read"], "2020-01-01T00:00:00Z", ["expires_at out_of_range"]),
            (
                String(repeating: "n", count: 101), [], "x",
                ["name too_long", "scopes required", "expires_at invalid_instant"]
            ),
        ] as [(String, [String], String?, [String])])
    func everyBrokenRuleIsTold(name: String, scopes: [String], expiresAt: String?, errors: [String]) {
        let failure = #expect(throws: ValidationFailure.self) {
            try ApiToken(for: .make(), name: name, scopes: scopes, expiresAt: expiresAt, at: now)
        }
        #expect(failure?.errors.map { "\($0.field) \($0.code)" } == errors)
    }
}

@Suite struct InMemoryApiTokenStoreTests {
    @Test(arguments: ApiTokenStoreConformance.Check.allCases)
    func keepsWhatThePortPromises(check: ApiTokenStoreConformance.Check) async throws {
        let store = InMemoryAuthStore()
        try await ApiTokenStoreConformance(accounts: store, store: store) { user in store.events(of: user) }.run(check)
    }
}
