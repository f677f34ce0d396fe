package import AuthApplication
import AuthDomain
package import Chronology
import Validation

/// The promises of `AdminStore`, checked on any implementation. Each check fails by throwing.
///
/// Some count administrators: the store must hold none but the check's own.
package struct AdminStoreConformance: Sendable {
    /// A check by name.
    package enum Check: String, Sendable, CaseIterable {
        case changesRolesAndTells
        case hasNoEffectWithoutAChange
        case lockingEndsSessions
        case refusesWhoeverIsNoAdministrator
        case keepsTheLastAdministrator
        case keepsOneOfTwoThatRemoveEachOther
        case refusesAnotherVersion
        case listsInPages
    }

    private let accounts: any AccountStore
    private let sessions: any SessionStore
    private let store: any AdminStore
    private let events: @Sendable (UUIDv7) async throws -> [RecordedEvent]
    private let now = Timestamp(secondsSinceEpoch: 1_790_000_000)

    /// - Parameter events: what was told of a user, in order.
    package init(
        accounts: any AccountStore, sessions: any SessionStore, store: any AdminStore,
        events: @escaping @Sendable (UUIDv7) async throws -> [RecordedEvent]
    ) {
        self.accounts = accounts
        self.sessions = sessions
        self.store = store
        self.events = events
    }

    /// Runs one check.
    ///
    /// - Throws: `ConformanceFailure` for a broken promise, or what the store threw.
    package func run(_ check: Check) async throws {
        switch check {
        case .changesRolesAndTells: try await changesRolesAndTells()
        case .hasNoEffectWithoutAChange: try await hasNoEffectWithoutAChange()
        case .lockingEndsSessions: try await lockingEndsSessions()
        case .refusesWhoeverIsNoAdministrator: try await refusesWhoeverIsNoAdministrator()
        case .keepsTheLastAdministrator: try await keepsTheLastAdministrator()
        case .keepsOneOfTwoThatRemoveEachOther: try await keepsOneOfTwoThatRemoveEachOther()
        case .refusesAnotherVersion: try await refusesAnotherVersion()
        case .listsInPages: try await listsInPages()
        }
    }
}

extension AdminStoreConformance {
    private func changesRolesAndTells() async throws {
        let user = try await registered()
        let later = now + .seconds(5)
        let outcome = try await store.update(
            user.id, AccountChange(roles: [.admin]), if: .oneOf([1]), by: nil, receipt: { _ in nil }, at: later)
        guard case .done(let changed) = outcome else { throw ConformanceFailure(description: "roles are given") }
        try expect(changed.roles == [.user, .admin] && changed.version == 2, "beside that of everybody")
        try expect(changed.updatedAt == later, "at that time")
        try expect(await accounts.user(user.id) == changed, "and read so")
        try await expectEvents(of: user.id, ["auth.user_updated"])
        try expect(
            await store.update(
                .make(), AccountChange(status: .locked), if: .anyVersion, by: nil, receipt: { _ in nil }, at: now)
                == .unknownUser, "nobody is not changed")
    }

    private func hasNoEffectWithoutAChange() async throws {
        let user = try await registered()
        for change in [AccountChange(), AccountChange(status: .active, roles: [.user])] {
            try expect(
                await store.update(user.id, change, if: .anyVersion, by: nil, receipt: { _ in nil }, at: now)
                    == .done(user), "nothing changes"
            )
        }
        try await expectEvents(of: user.id, [])
    }

    private func lockingEndsSessions() async throws {
        let user = try await registered()
        for _ in 0..<2 { try expect(await open(user.id), "a session opens") }
        let lock = AccountChange(status: .locked)
        _ = try await store.update(user.id, lock, if: .anyVersion, by: nil, receipt: { _ in nil }, at: now)
        try expect(await sessions.sessions(of: user.id, .init(), at: now).items.isEmpty, "all end")
        try expect(await !open(user.id), "none opens")
        try await expectEvents(
            of: user.id,
            ["auth.user_logged_in", "auth.user_logged_in", "auth.sessions_revoked", "auth.user_updated"])
        _ = try await store.update(
            user.id, AccountChange(status: .active), if: .anyVersion, by: nil, receipt: { _ in nil }, at: now)
        try expect(await open(user.id), "until it is unlocked")
    }

    private func refusesWhoeverIsNoAdministrator() async throws {
        let (admin, user, other) = (try await administrator(), try await registered(), try await registered())
        let lock = AccountChange(status: .locked)
        try expect(
            await store.update(other.id, lock, if: .anyVersion, by: user.id, receipt: { _ in nil }, at: now)
                == .notAllowed, "a role is needed"
        )
        guard
            case .done = try await store.update(
                other.id, lock, if: .anyVersion, by: admin, receipt: { _ in nil }, at: now)
        else {
            throw ConformanceFailure(description: "an administrator may")
        }
        let second = try await administrator()
        _ = try await store.update(admin, lock, if: .anyVersion, by: second, receipt: { _ in nil }, at: now)
        try expect(
            await store.update(user.id, lock, if: .anyVersion, by: admin, receipt: { _ in nil }, at: now)
                == .notAllowed,
            "a locked one may no more")
    }

    private func keepsTheLastAdministrator() async throws {
        let admin = try await administrator()
        for change in [AccountChange(status: .locked), AccountChange(roles: [.user])] {
            try expect(
                await store.update(admin, change, if: .anyVersion, by: admin, receipt: { _ in nil }, at: now)
                    == .lastAdministrator,
                "the last one stays")
        }
        _ = try await administrator()
        guard
            case .done = try await store.update(
                admin, AccountChange(roles: [.user]), if: .anyVersion, by: admin, receipt: { _ in nil }, at: now)
        else { throw ConformanceFailure(description: "one of two may go") }
    }

    private func keepsOneOfTwoThatRemoveEachOther() async throws {
        let pair = [try await administrator(), try await administrator()]
        let outcomes = try await withThrowingTaskGroup(of: AccountUpdate.self) { group in
            for (actor, victim) in [(pair[0], pair[1]), (pair[1], pair[0])] {
                group.addTask {
                    try await store.update(
                        victim, AccountChange(roles: [.user]), if: .anyVersion, by: actor, receipt: { _ in nil },
                        at: now)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        try expect(outcomes.count { $0 == .notAllowed } == 1, "the second is none any more")
    }

    private func refusesAnotherVersion() async throws {
        let user = try await registered()
        do {
            _ = try await store.update(
                user.id, AccountChange(status: .locked), if: .oneOf([2, 3]), by: nil, receipt: { _ in nil }, at: now)
            throw ConformanceFailure(description: "a stale change is refused")
        } catch is VersionMismatch {
            try expect(await accounts.user(user.id) == user, "and has no effect")
        }
    }

    private func listsInPages() async throws {
        var ids: [UUIDv7] = []
        for _ in 0..<5 { ids.append(try await registered().id) }
        _ = try await store.update(
            ids[3], AccountChange(status: .locked), if: .anyVersion, by: nil, receipt: { _ in nil }, at: now)
        var seen: [UUIDv7] = []
        var after: PageCursor?
        repeat {
            let page = try await store.users(
                AccountFilter(status: .active), PageRequest(limit: 2, after: after))
            seen += page.items.map(\.id)
            after = page.next
        } while after != nil && seen.count < 100
        try expect(seen == [ids[4], ids[2], ids[1], ids[0]], "those that are active, newest first")
        let one = try await accounts.user(ids[2])
        let found = try await store.users(
            AccountFilter(email: EmailAddress(one?.email.text.uppercased() ?? "")), .init())
        try expect(found.items.map(\.id) == [ids[2]], "the one of an address")
    }
}

// MARK: Tools

extension AdminStoreConformance {
    private func expect(_ condition: Bool, _ promise: String) throws {
        if !condition { throw ConformanceFailure(description: promise) }
    }

    /// Expects these events after those of the registration.
    private func expectEvents(of user: UUIDv7, _ names: [String]) async throws {
        let found = try await events(user)
        let all = ["auth.user_registered", "auth.email_verification_requested"] + names
        try expect(
            found == all.enumerated().map { RecordedEvent($1, Int64($0) + 1) }, "events \(found) should be \(all)")
    }

    private func registered() async throws -> User {
        let request = RegistrationRequest(
            email: "a\(UUIDv7.make())@example.org", password: "correct horse", displayName: "Ada", locale: "en-GB")
        let ticket = VerificationTicket(
            digest: (0..<32).map { _ in .random(in: 0...255) }, sealedToken: "c2VhbGVk",
            expiresAt: now + Lifetime.emailVerification)
        let registration = Registration(user: try request.user(at: now), passwordHash: "hash", ticket: ticket)
        try expect(await accounts.register(registration, receipt: nil), "an account is made")
        return registration.user
    }

    private func administrator() async throws -> UUIDv7 {
        let user = try await registered()
        _ = try await store.update(
            user.id, AccountChange(roles: [.admin]), if: .anyVersion, by: nil, receipt: { _ in nil }, at: now)
        return user.id
    }

    private func open(_ user: UUIDv7) async throws -> Bool {
        let session = Session(startingFor: user, client: "curl", address: "127.0.0.1", at: now)
        let token = NewRefreshToken(
            digest: (0..<32).map { _ in .random(in: 0...255) }, expiresAt: now + Lifetime.refreshToken)
        return try await sessions.open(session, refreshToken: token, passwordHash: nil, provenHash: nil, receipt: nil)
    }
}
