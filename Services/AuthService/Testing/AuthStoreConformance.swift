package import AuthApplication
import AuthDomain
package import Chronology
import Idempotency
import Validation

/// What the suite needs of the stores under test, which may hold the data of others.
package struct AuthStoresUnderTest: Sendable {
    package let accounts: any AccountStore
    package let sessions: any SessionStore
    /// What was told of a user, in order.
    package let events: @Sendable (UUIDv7) async throws -> [RecordedEvent]

    package init(
        accounts: any AccountStore, sessions: any SessionStore,
        events: @escaping @Sendable (UUIDv7) async throws -> [RecordedEvent]
    ) {
        self.accounts = accounts
        self.sessions = sessions
        self.events = events
    }
}

/// A store did not keep what the ports promise.
package struct ConformanceFailure: Error, CustomStringConvertible {
    /// The promise that was broken.
    package let description: String
}

/// The promises of `AccountStore` and `SessionStore`, checked on any implementation. Each check fails by throwing.
package struct AuthStoreConformance: Sendable {
    /// A check by name.
    package enum Check: String, Sendable, CaseIterable {
        case registersAndTellsTwice
        case leavesAKnownAddressAlone
        case findsCredentialsByAnyCase
        case confirmsAnAddressOnce
        case confirmsOnceOfManyAtATime
        case refusesAnExpiredTicket
        case requestsVerificationUntilTheLimit
        case opensSessions
        case replacesARefreshTokenOnce
        case replacesOnceOfManyAtATime
        case refusesTokensOfAnEndedSession
        case keepsTheOrderOfTokens
        case endsASessionOnce
        case listsSessionsInPages
    }

    private let stores: AuthStoresUnderTest
    private let now = Timestamp(secondsSinceEpoch: 1_790_000_000)

    package init(_ stores: AuthStoresUnderTest) { self.stores = stores }

    /// Runs one check.
    ///
    /// - Throws: `ConformanceFailure` for a broken promise, or what the store threw.
    package func run(_ check: Check) async throws {
        switch check {
        case .registersAndTellsTwice: try await registersAndTellsTwice()
        case .leavesAKnownAddressAlone: try await leavesAKnownAddressAlone()
        case .findsCredentialsByAnyCase: try await findsCredentialsByAnyCase()
        case .confirmsAnAddressOnce: try await confirmsAnAddressOnce()
        case .confirmsOnceOfManyAtATime: try await confirmsOnceOfManyAtATime()
        case .refusesAnExpiredTicket: try await refusesAnExpiredTicket()
        case .requestsVerificationUntilTheLimit: try await requestsVerificationUntilTheLimit()
        case .opensSessions: try await opensSessions()
        case .replacesARefreshTokenOnce: try await replacesARefreshTokenOnce()
        case .replacesOnceOfManyAtATime: try await replacesOnceOfManyAtATime()
        case .refusesTokensOfAnEndedSession: try await refusesTokensOfAnEndedSession()
        case .keepsTheOrderOfTokens: try await keepsTheOrderOfTokens()
        case .endsASessionOnce: try await endsASessionOnce()
        case .listsSessionsInPages: try await listsSessionsInPages()
        }
    }
}

// MARK: Accounts

extension AuthStoreConformance {
    private func registersAndTellsTwice() async throws {
        let made = try registration()
        try expect(await stores.accounts.register(made, receipt: nil), "an account is made")
        try expect(await stores.accounts.user(made.user.id) == made.user, "a user is read as it was written")
        try await expectEvents(of: made.user.id, Self.firstEvents)
        try expect(await stores.accounts.user(.make()) == nil, "an unknown user is none")
    }

    private func leavesAKnownAddressAlone() async throws {
        let made = try await registered()
        let other = try registration(made.user.email.text.uppercased(), hash: "other")
        try expect(await !stores.accounts.register(other, receipt: nil), "an address has one account")
        let credential = try await stores.accounts.credential(for: made.user.email)
        try expect(credential == Credential(user: made.user, passwordHash: "hash"), "the account is untouched")
        try await expectEvents(of: other.user.id, [])
        try await expectEvents(of: made.user.id, Self.firstEvents)
        try expect(
            await !stores.accounts.confirmEmail(digest: other.ticket.digest, receipt: nil, at: now),
            "no ticket was kept")
    }

    private func findsCredentialsByAnyCase() async throws {
        let made = try await registered()
        let found = try await stores.accounts.credential(for: address(made.user.email.text.uppercased()))
        try expect(found?.user.id == made.user.id, "case does not matter")
        try expect(await stores.accounts.credential(for: freshAddress()) == nil, "an unknown address has none")
    }

    private func confirmsAnAddressOnce() async throws {
        let made = try await registered()
        let second = ticket()
        try expect(
            await stores.accounts.requestVerification(of: made.user.email, second, at: now), "a second ticket")
        let later = now + .seconds(5)
        try expect(
            await stores.accounts.confirmEmail(digest: made.ticket.digest, receipt: nil, at: later), "the first use")
        let user = try await stores.accounts.user(made.user.id)
        try expect(user?.emailVerified == true && user?.version == 2 && user?.updatedAt == later, "it is verified")
        try expect(
            await !stores.accounts.confirmEmail(digest: made.ticket.digest, receipt: nil, at: later), "no second use")
        try expect(
            await !stores.accounts.confirmEmail(digest: second.digest, receipt: nil, at: later), "nor of another ticket"
        )
        try expect(
            await !stores.accounts.requestVerification(of: made.user.email, ticket(), at: later), "nothing left")
        try await expectEvents(
            of: made.user.id, Self.firstEvents + [("auth.email_verification_requested"), ("auth.email_verified")])
    }

    private func confirmsOnceOfManyAtATime() async throws {
        let made = try await registered()
        let outcomes = try await concurrently(16) {
            try await stores.accounts.confirmEmail(digest: made.ticket.digest, receipt: nil, at: now)
        }
        try expect(outcomes.count(where: \.self) == 1, "one of many succeeds")
        try await expectEvents(of: made.user.id, Self.firstEvents + ["auth.email_verified"])
    }

    private func refusesAnExpiredTicket() async throws {
        let made = try await registered()
        try expect(
            await !stores.accounts.confirmEmail(digest: made.ticket.digest, receipt: nil, at: made.ticket.expiresAt),
            "it has run out")
        try expect(await !stores.accounts.confirmEmail(digest: digest(), receipt: nil, at: now), "it is unknown")
        try await expectEvents(of: made.user.id, Self.firstEvents)
    }

    private func requestsVerificationUntilTheLimit() async throws {
        let made = try await registered()
        let outcomes = try await concurrently(12) {
            try await stores.accounts.requestVerification(of: made.user.email, ticket(), at: now)
        }
        try expect(outcomes.count(where: \.self) == VerificationLimit.count - 1, "the first mail counts")
        let later = now + VerificationLimit.interval
        try expect(
            await stores.accounts.requestVerification(of: made.user.email, ticket(), at: later), "an hour later")
        try expect(
            await !stores.accounts.requestVerification(of: freshAddress(), ticket(), at: now), "unknown address")
        try await expectEvents(
            of: made.user.id,
            ["auth.user_registered"]
                + Array(repeating: "auth.email_verification_requested", count: VerificationLimit.count + 1))
    }
}

// MARK: Sessions

extension AuthStoreConformance {
    private func opensSessions() async throws {
        let made = try await registered()
        _ = try await opened(made.user.id)
        let rehashed = Session(startingFor: made.user.id, client: "b", address: "", at: now)
        try expect(
            await stores.sessions.open(rehashed, refreshToken: token(), passwordHash: "better"), "with a new hash")
        let credential = try await stores.accounts.credential(for: made.user.email)
        try expect(credential?.passwordHash == "better", "the hash is replaced")
        try await expectEvents(of: made.user.id, Self.firstEvents + ["auth.user_logged_in", "auth.user_logged_in"])
        let nobody = Session(startingFor: .make(), client: "a", address: "", at: now)
        try expect(
            await !stores.sessions.open(nobody, refreshToken: token(), passwordHash: nil), "a user must exist")
    }

    private func replacesARefreshTokenOnce() async throws {
        let made = try await registered()
        let (session, first) = try await opened(made.user.id)
        let later = now + .seconds(60)
        let second = token()
        let presented = try await stores.sessions.replace(digest: first.digest, with: second, at: later)
        try expect(presented?.roles == made.user.roles, "roles come along")
        let wanted = StoredRefreshToken(
            sessionID: session.id, userID: made.user.id, expiresAt: first.expiresAt, replacedAt: later,
            isParentOfNewest: true, isRevoked: false)
        try expect(presented?.token == wanted, "the token is replaced")
        let again = try await stores.sessions.replace(digest: first.digest, with: second, at: later + .seconds(1))
        try expect(again?.token == wanted, "a second time changes nothing")
        let listed = try await stores.sessions.sessions(of: made.user.id, PageRequest(), at: later)
        try expect(listed.items.map(\.lastUsedAt) == [later], "the session was used")
        try expect(
            await stores.sessions.replace(digest: digest(), with: token(), at: now) == nil, "unknown is nil")
    }

    private func replacesOnceOfManyAtATime() async throws {
        let made = try await registered()
        let (_, first) = try await opened(made.user.id)
        let successor = token()
        let outcomes = try await concurrently(32) {
            try await stores.sessions.replace(digest: first.digest, with: successor, at: now + .seconds(1))
        }
        try expect(
            outcomes.allSatisfy { $0?.token.presented(at: now + .seconds(1)) == .rotate }, "nobody is refused")
        let next = try await stores.sessions.replace(
            digest: successor.digest, with: token(), at: now + .seconds(2))
        try expect(next?.token.isParentOfNewest == true, "one successor, which goes on")
    }

    private func refusesTokensOfAnEndedSession() async throws {
        let made = try await registered()
        let (session, first) = try await opened(made.user.id)
        try expect(
            await stores.sessions.end(session.id, of: made.user.id, reason: .logout, receipt: nil, at: now),
            "the session ends")
        let presented = try await stores.sessions.replace(digest: first.digest, with: token(), at: now)
        try expect(presented?.token.isRevoked == true && presented?.token.replacedAt == nil, "it is not replaced")
        let (_, second) = try await opened(made.user.id)
        let late = try await stores.sessions.replace(digest: second.digest, with: token(), at: second.expiresAt)
        try expect(late?.token.replacedAt == nil && late?.token.isParentOfNewest == false, "nor an expired one")
    }

    private func keepsTheOrderOfTokens() async throws {
        let made = try await registered()
        let (_, first) = try await opened(made.user.id)
        let (second, third) = (token(), token())
        _ = try await stores.sessions.replace(digest: first.digest, with: second, at: now)
        _ = try await stores.sessions.replace(digest: second.digest, with: third, at: now)
        let old = try await stores.sessions.replace(digest: first.digest, with: second, at: now)
        try expect(old?.token.isParentOfNewest == false, "its successor was replaced")
        try expect(old?.token.presented(at: now) == .revokeFamily, "so somebody has a copy")
    }

    private func endsASessionOnce() async throws {
        let made = try await registered()
        let (session, _) = try await opened(made.user.id)
        try expect(
            await !stores.sessions.end(session.id, of: .make(), reason: .logout, receipt: nil, at: now),
            "it is not another's")
        let outcomes = try await concurrently(8) {
            try await stores.sessions.end(session.id, of: made.user.id, reason: .reuseDetected, receipt: nil, at: now)
        }
        try expect(outcomes.count(where: \.self) == 1, "it ends once")
        try await expectEvents(of: made.user.id, Self.firstEvents + ["auth.user_logged_in", "auth.sessions_revoked"])
    }

    private func listsSessionsInPages() async throws {
        let made = try await registered()
        var ids: [UUIDv7] = []
        for _ in 0..<5 { ids.append(try await opened(made.user.id).session.id) }
        _ = try await stores.sessions.end(ids[1], of: made.user.id, reason: .logout, receipt: nil, at: now)
        let wanted = [ids[4], ids[3], ids[2], ids[0]]
        var seen: [UUIDv7] = []
        var after: PageCursor?
        repeat {
            let page = try await stores.sessions.sessions(
                of: made.user.id, PageRequest(limit: 2, after: after), at: now)
            seen += page.items.map(\.id)
            after = page.next
        } while after != nil && seen.count < 10
        try expect(seen == wanted, "each that goes on, newest first")
        let expired = try await stores.sessions.sessions(
            of: made.user.id, PageRequest(), at: now + Lifetime.refreshToken)
        try expect(expired.items.isEmpty, "none that has run out")
    }
}

// MARK: Tools

extension AuthStoreConformance {
    private static let firstEvents = ["auth.user_registered", "auth.email_verification_requested"]

    private func expect(_ condition: Bool, _ promise: String) throws {
        if !condition { throw ConformanceFailure(description: promise) }
    }

    private func expectEvents(of user: UUIDv7, _ names: [String]) async throws {
        let wanted = names.enumerated().map { RecordedEvent($1, Int64($0) + 1) }
        let found = try await stores.events(user)
        try expect(found == wanted, "events \(found) should be \(wanted)")
    }

    private func concurrently<T: Sendable>(
        _ count: Int, _ body: @escaping @Sendable () async throws -> T
    ) async throws -> [T] {
        try await withThrowingTaskGroup(of: T.self) { group in
            for _ in 0..<count { group.addTask { try await body() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    private func address(_ text: String) throws -> EmailAddress {
        guard let address = EmailAddress(text) else { throw ConformanceFailure(description: "\(text) is an address") }
        return address
    }

    private func freshAddress() throws -> EmailAddress { try address("a\(UUIDv7.make())@example.org") }

    private func digest() -> [UInt8] { (0..<32).map { _ in .random(in: 0...255) } }

    private func ticket() -> VerificationTicket {
        VerificationTicket(digest: digest(), sealedToken: "c2VhbGVk", expiresAt: now + Lifetime.emailVerification)
    }

    private func token() -> NewRefreshToken {
        NewRefreshToken(digest: digest(), expiresAt: now + Lifetime.refreshToken)
    }

    private func registration(_ email: String? = nil, hash: String = "hash") throws -> Registration {
        let request = RegistrationRequest(
            email: try email ?? freshAddress().text, password: "correct horse", displayName: "Ada", locale: "en-GB")
        return Registration(user: try request.user(at: now), passwordHash: hash, ticket: ticket())
    }

    private func registered() async throws -> Registration {
        let made = try registration()
        try expect(await stores.accounts.register(made, receipt: nil), "an account is made")
        return made
    }

    private func opened(_ user: UUIDv7) async throws -> (session: Session, token: NewRefreshToken) {
        let session = Session(startingFor: user, client: "curl/7.88.1", address: "127.0.0.1", at: now)
        let token = token()
        try expect(await stores.sessions.open(session, refreshToken: token, passwordHash: nil), "a session opens")
        return (session, token)
    }
}
