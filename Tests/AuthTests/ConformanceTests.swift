import AuthTesting
import Testing

@Suite struct InMemoryStoreTests {
    @Test(arguments: AuthStoreConformance.Check.allCases)
    func keepsWhatThePortsPromise(check: AuthStoreConformance.Check) async throws {
        let store = InMemoryAuthStore()
        try await AuthStoreConformance(
            AuthStoresUnderTest(accounts: store, sessions: store) { user in store.events(of: user) }
        ).run(check)
    }
}

@Suite struct InMemoryPasswordStoreTests {
    @Test(arguments: PasswordStoreConformance.Check.allCases)
    func keepsWhatThePortsPromise(check: PasswordStoreConformance.Check) async throws {
        let store = InMemoryAuthStore()
        try await PasswordStoreConformance(store) { user in store.events(of: user) }.run(check)
    }
}
