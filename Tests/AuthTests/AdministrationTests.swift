import AuthDomain
import AuthTesting
import Chronology
import Testing
import Validation

@Suite struct AccountChangeTests {
    private func user(_ roles: [Role], _ status: AccountStatus = .active) throws -> User {
        let made = try RegistrationRequest(email: "a@example.org", password: "a long sentence", displayName: "A").user(
            at: Timestamp(secondsSinceEpoch: 1))
        return User(
            id: made.id, email: made.email, displayName: made.displayName, baseCurrency: made.baseCurrency,
            locale: made.locale, timeZone: made.timeZone, emailVerified: true, roles: roles, status: status,
            version: 1, createdAt: made.createdAt, updatedAt: made.updatedAt)
    }

    @Test func everybodyIsAUser() throws {
        #expect(try AccountChange(status: nil, roles: ["admin", "admin"]).roles == [.user, .admin])
        #expect(try AccountChange(status: nil, roles: []).roles == nil)
        #expect(AccountChange(roles: []).roles == [.user])
    }

    @Test(
        arguments: [
            (nil, nil, false, false, false), (.active, nil, false, false, false), (.locked, nil, true, true, true),
            (nil, [.user], true, true, false), (nil, [.admin], false, false, false),
            (.locked, [.user], true, true, true),
        ] as [(AccountStatus?, [Role]?, Bool, Bool, Bool)])
    func whatAChangeMeansForAnAdministrator(
        status: AccountStatus?, roles: [Role]?, changes: Bool, removes: Bool, locks: Bool
    ) throws {
        let change = AccountChange(status: status, roles: roles)
        let user = try user([.user, .admin])
        #expect(change.changes(user) == changes)
        #expect(change.removesAdministrator(user) == removes)
        #expect(change.locks(user) == locks)
    }

    @Test func aLockedAdministratorIsNone() throws {
        let locked = try user([.user, .admin], .locked)
        #expect(!locked.isAdministrator && !AccountChange(roles: [.user]).removesAdministrator(locked))
        #expect(!AccountChange(status: .locked).locks(locked))
    }
}

@Suite struct InMemoryAdminStoreTests {
    @Test(arguments: AdminStoreConformance.Check.allCases)
    func keepsWhatThePortPromises(check: AdminStoreConformance.Check) async throws {
        let store = InMemoryAuthStore()
        try await AdminStoreConformance(accounts: store, sessions: store, store: store) { user in
            store.events(of: user)
        }.run(check)
    }
}
