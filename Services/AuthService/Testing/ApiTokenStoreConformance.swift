package import AuthApplication
import AuthDomain
package import Chronology
import Validation

/// The promises of `ApiTokenStore`, checked on any implementation. Each check fails by throwing.
package struct ApiTokenStoreConformance: Sendable {
    /// A check by name.
    package enum Check: String, Sendable, CaseIterable {
        case keepsATokenAndTells
        case listsInPages
        case endsOnceForItsOwner
        case endsAtItsTime
        case notesUseCoarsely
        case keepsTheLimitAmongMany
    }

    private let accounts: any AccountStore
    private let store: any ApiTokenStore
    private let events: @Sendable (UUIDv7) async throws -> [RecordedEvent]
    private let now = Timestamp(secondsSinceEpoch: 1_790_000_000)

    /// - Parameter events: what was told of a user, in order.
    package init(
        accounts: any AccountStore, store: any ApiTokenStore,
        events: @escaping @Sendable (UUIDv7) async throws -> [RecordedEvent]
    ) {
        self.accounts = accounts
        self.store = store
        self.events = events
    }

    /// Runs one check.
    ///
    /// - Throws: `ConformanceFailure` for a broken promise, or what the store threw.
    package func run(_ check: Check) async throws {
        switch check {
        case .keepsATokenAndTells: try await keepsATokenAndTells()
        case .listsInPages: try await listsInPages()
        case .endsOnceForItsOwner: try await endsOnceForItsOwner()
        case .endsAtItsTime: try await endsAtItsTime()
        case .notesUseCoarsely: try await notesUseCoarsely()
        case .keepsTheLimitAmongMany: try await keepsTheLimitAmongMany()
        }
    }

    private func keepsATokenAndTells() async throws {
        let user = try await registered()
        let (token, digest) = try await added(user)
        let wanted = ApiTokenBearer(
            tokenID: token.id, userID: user, roles: [.user], scopes: [.profileRead, .eventsRead], expiresAt: nil)
        try expect(await store.bearer(of: digest, at: now) == wanted, "its bearer is known")
        try expect(await store.bearer(of: self.digest(), at: now) == nil, "that of another is not")
        try await expectEvents(of: user, ["auth.api_token_created"])
        let orphan = try ApiToken(for: .make(), name: "n", scopes: ["profile:read"], expiresAt: nil, at: now)
        try expect(
            await store.add(orphan, digest: self.digest(), receipt: nil) == .unknownUser, "nobody has no token")
    }

    private func listsInPages() async throws {
        let user = try await registered()
        _ = try await added(registered())
        var ids: [UUIDv7] = []
        for _ in 0..<5 { ids.append(try await added(user).token.id) }
        var seen: [UUIDv7] = []
        var after: PageCursor?
        repeat {
            let page = try await store.apiTokens(of: user, PageRequest(limit: 2, after: after), at: now)
            seen += page.items.map(\.id)
            after = page.next
        } while after != nil && seen.count < 10
        try expect(seen == ids.reversed(), "a user's own, newest first")
    }

    private func endsOnceForItsOwner() async throws {
        let user = try await registered()
        let (token, digest) = try await added(user)
        try expect(
            await !store.revokeApiToken(token.id, of: registered(), receipt: nil, at: now), "it is not another's")
        try expect(await store.revokeApiToken(token.id, of: user, receipt: nil, at: now), "it ends")
        try expect(await !store.revokeApiToken(token.id, of: user, receipt: nil, at: now), "once")
        try expect(await store.bearer(of: digest, at: now) == nil, "nobody bears it")
        try await expectEvents(of: user, ["auth.api_token_created", "auth.api_token_revoked"])
    }

    private func endsAtItsTime() async throws {
        let user = try await registered()
        let end = now + .seconds(60)
        let (_, digest) = try await added(user, expiresAt: end)
        try expect(await store.bearer(of: digest, at: end - .milliseconds(1)) != nil, "it is good until then")
        try expect(await store.bearer(of: digest, at: end) == nil, "and no longer")
        try expect(await store.apiTokens(of: user, .init(), at: end).items.isEmpty, "nor listed")
    }

    private func notesUseCoarsely() async throws {
        let user = try await registered()
        let (_, digest) = try await added(user)
        var noted: [Timestamp?] = []
        for second in [0, 60, 61] {
            _ = try await store.bearer(of: digest, at: now + .seconds(second))
            noted.append(try await store.apiTokens(of: user, .init(), at: now).items.first?.lastUsedAt)
        }
        try expect(noted == [now, now, now + .seconds(61)], "uses within a minute are one")
    }

    private func keepsTheLimitAmongMany() async throws {
        let user = try await registered()
        let tokens = try (0..<ApiToken.limit + 10).map { _ in
            try ApiToken(for: user, name: "n", scopes: ["profile:read"], expiresAt: nil, at: now)
        }
        let outcomes = try await withThrowingTaskGroup(of: ApiTokenAddition.self) { group in
            for token in tokens {
                group.addTask { try await store.add(token, digest: digest(), receipt: nil) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        try expect(outcomes.count { $0 == .added } == ApiToken.limit, "no more than the limit")
        try expect(outcomes.count { $0 == .tooMany } == 10, "the rest is refused")
    }
}

// MARK: Tools

extension ApiTokenStoreConformance {
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

    private func digest() -> [UInt8] { (0..<32).map { _ in .random(in: 0...255) } }

    private func registered() async throws -> UUIDv7 {
        let request = RegistrationRequest(
            email: "a\(UUIDv7.make())@example.org", password: "correct horse", displayName: "Ada", locale: "en-GB")
        let ticket = VerificationTicket(
            digest: digest(), sealedToken: "c2VhbGVk", expiresAt: now + Lifetime.emailVerification)
        let registration = Registration(user: try request.user(at: now), passwordHash: "hash", ticket: ticket)
        try expect(await accounts.register(registration, receipt: nil), "an account is made")
        return registration.user.id
    }

    private func added(
        _ user: UUIDv7, expiresAt: Timestamp? = nil
    ) async throws -> (token: ApiToken, digest: [UInt8]) {
        let token = try ApiToken(
            for: user, name: "n", scopes: ["events:read", "profile:read"], expiresAt: expiresAt?.description, at: now)
        let digest = digest()
        try expect(await store.add(token, digest: digest, receipt: nil) == .added, "a token is kept")
        return (token, digest)
    }
}
