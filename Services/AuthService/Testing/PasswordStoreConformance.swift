package import AuthApplication
import AuthDomain
package import Chronology

/// The promises of `PasswordStore` and `AddressRequestStore`, checked on any implementation. Each check fails by throwing.
package struct PasswordStoreConformance: Sendable {
    /// A check by name.
    package enum Check: String, Sendable, CaseIterable {
        case changesOnceFromAKnownHash
        case endsAllSessionsButOne
        case opensNoSessionForAnotherHash
        case resetsOnceOfManyAtATime
        case keepsATicketOnce
        case requestsResetsUntilTheLimit
        case handsRequestsOverUntilTheyAreAnswered
        case tellsOfARepeatedRegistrationOnceADay
    }

    /// All that the checks need of a store.
    package typealias Store = AccountStore & SessionStore & PasswordStore & AddressRequestStore

    private struct Failed: Error {}

    private let store: any Store
    private let events: @Sendable (UUIDv7) async throws -> [RecordedEvent]
    private let now = Timestamp(secondsSinceEpoch: 1_790_000_000)

    /// - Parameter events: what was told of a user, in order.
    package init(_ store: any Store, events: @escaping @Sendable (UUIDv7) async throws -> [RecordedEvent]) {
        self.store = store
        self.events = events
    }

    /// Runs one check.
    ///
    /// - Throws: `ConformanceFailure` for a broken promise, or what the store threw.
    package func run(_ check: Check) async throws {
        let user = try await registered()
        switch check {
        case .changesOnceFromAKnownHash: try await changesOnceFromAKnownHash(user)
        case .endsAllSessionsButOne: try await endsAllSessionsButOne(user)
        case .opensNoSessionForAnotherHash: try await opensNoSessionForAnotherHash(user)
        case .resetsOnceOfManyAtATime: try await resetsOnceOfManyAtATime(user)
        case .keepsATicketOnce: try await keepsATicketOnce(user)
        case .requestsResetsUntilTheLimit: try await requestsResetsUntilTheLimit(user)
        case .handsRequestsOverUntilTheyAreAnswered: try await handsRequestsOverUntilTheyAreAnswered(user)
        case .tellsOfARepeatedRegistrationOnceADay: try await tellsOfARepeatedRegistrationOnceADay(user)
        }
    }

    private func changesOnceFromAKnownHash(_ user: User) async throws {
        let kept = try await opened(user)
        _ = try await opened(user)
        let change = {
            try await store.changePassword(of: user.id, from: "hash", to: "other", keeping: kept, receipt: nil, at: now)
        }
        try expect(await change(), "the hash is replaced")
        try expect(await !change(), "but not from a hash that it is not any more")
        try expect(await store.credential(of: user.id)?.passwordHash == "other", "it is read")
        try expect(await store.credential(of: .make()) == nil, "an unknown user has none")
        try await expectLast(["auth.sessions_revoked", "auth.password_changed"], of: user)
        try expect(await sessions(of: user) == [kept], "the session that did it goes on")
    }

    private func endsAllSessionsButOne(_ user: User) async throws {
        let kept = try await opened(user)
        for _ in 0..<3 { _ = try await opened(user) }
        try expect(await store.endAll(of: user.id, except: kept, reason: .revoked, receipt: nil, at: now), "some end")
        try expect(
            await !store.endAll(of: user.id, except: kept, reason: .revoked, receipt: nil, at: now),
            "none is left to end")
        try expect(await sessions(of: user) == [kept], "one goes on")
        try expect(
            await store.endAll(of: user.id, except: nil, reason: .revoked, receipt: nil, at: now), "the last ends")
        try await expectLast(["auth.sessions_revoked", "auth.sessions_revoked"], of: user)
    }

    private func opensNoSessionForAnotherHash(_ user: User) async throws {
        let session = Session(startingFor: user.id, client: "curl", address: "", at: now)
        let token = NewRefreshToken(digest: digest(), expiresAt: now + Lifetime.refreshToken)
        try expect(
            await !store.open(session, refreshToken: token, passwordHash: nil, provenHash: "older", receipt: nil),
            "not for another")
        try expect(await sessions(of: user).isEmpty, "nothing happened")
        try expect(
            await store.open(session, refreshToken: token, passwordHash: "newer", provenHash: "hash", receipt: nil),
            "for this one")
        try expect(await store.credential(of: user.id)?.passwordHash == "newer", "which is brought up to date")
    }

    private func resetsOnceOfManyAtATime(_ user: User) async throws {
        let (first, second) = (ticket(), ticket())
        for ticket in [first, second] {
            try expect(await store.requestPasswordReset(of: user.email, ticket, at: now), "a ticket is kept")
        }
        _ = try await opened(user)
        try expect(await store.userResetting(by: first.digest, at: now)?.id == user.id, "it names its user")
        try expect(await store.userResetting(by: first.digest, at: first.expiresAt) == nil, "until it expires")
        try expect(
            await !store.resetPassword(by: first.digest, to: "late", receipt: nil, at: first.expiresAt), "and resets")
        let outcomes = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<8 {
                group.addTask {
                    try await store.resetPassword(by: first.digest, to: "new \(number)", receipt: nil, at: now)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        try expect(outcomes.count(where: \.self) == 1, "one of many resets")
        try expect(await store.userResetting(by: second.digest, at: now) == nil, "and uses up the others")
        try expect(await sessions(of: user).isEmpty, "no session goes on")
        try await expectLast(["auth.sessions_revoked", "auth.password_changed"], of: user)
    }

    private func keepsATicketOnce(_ user: User) async throws {
        let (reset, verification) = (ticket(), ticket())
        try expect(await store.requestPasswordReset(of: user.email, reset, at: now), "the first time")
        try expect(await !store.requestPasswordReset(of: user.email, reset, at: now), "not the second")
        try expect(await store.requestVerification(of: user.email, verification, at: now), "the first time")
        try expect(await !store.requestVerification(of: user.email, verification, at: now), "not the second")
        try expect(
            await !store.confirmEmail(digest: reset.digest, receipt: nil, at: now), "a reset confirms no address")
        try await expectLast(["auth.password_reset_requested", "auth.email_verification_requested"], of: user)
    }

    private func requestsResetsUntilTheLimit(_ user: User) async throws {
        for _ in 0..<PasswordResetLimit.count {
            try expect(await store.requestPasswordReset(of: user.email, ticket(), at: now), "below the limit")
        }
        try expect(await !store.requestPasswordReset(of: user.email, ticket(), at: now), "not above it")
        let later = now + PasswordResetLimit.interval
        try expect(await store.requestPasswordReset(of: user.email, ticket(), at: later), "but an hour later")
        let nobody = try address("b\(UUIDv7.make())@example.org")
        try expect(await !store.requestPasswordReset(of: nobody, ticket(), at: now), "nor for nobody")
    }

    private func handsRequestsOverUntilTheyAreAnswered(_ user: User) async throws {
        let requests = [
            AddressRequest(wish: .passwordReset(ticket()), email: user.email, at: now),
            AddressRequest(wish: .verification(ticket()), email: user.email, at: now),
            AddressRequest(wish: .registration, email: user.email, at: now),
        ]
        for request in requests { try await store.keep(request, receipt: nil) }
        var seen: [AddressRequest] = []
        do {
            _ = try await store.handOver(atMost: 10, at: now) { request in
                if request == requests[1] { throw Failed() }
                seen.append(request)
            }
            try expect(false, "a failure is told")
        } catch is Failed {}
        try expect(seen == [requests[0], requests[2]], "one failure does not hold up the others")
        let left = try await store.handOver(atMost: 10, at: now) { seen.append($0) }
        try expect(left == 1 && seen.last == requests[1], "what failed comes again")
        try expect(await store.handOver(atMost: 10, at: now) { _ in } == 0, "what was answered does not")
        try await store.keep(requests[0], receipt: nil)
        try expect(
            await store.handOver(atMost: 10, at: now + .seconds(3600)) { _ in } == 0, "nor what is an hour old")
    }

    private func tellsOfARepeatedRegistrationOnceADay(_ user: User) async throws {
        try expect(await store.tellOfRegistration(of: user.email, at: now), "the owner is told")
        let nearly = now + RepeatedRegistrationLimit.interval - .milliseconds(1)
        try expect(await !store.tellOfRegistration(of: user.email, at: nearly), "but not twice a day")
        let later = now + RepeatedRegistrationLimit.interval
        try expect(await store.tellOfRegistration(of: user.email, at: later), "the next day again")
        try await expectLast(["auth.registration_repeated", "auth.registration_repeated"], of: user)
    }

    // MARK: Tools

    private func expect(_ condition: Bool, _ promise: String) throws {
        if !condition { throw ConformanceFailure(description: promise) }
    }

    private func expectLast(_ names: [String], of user: User) async throws {
        let told = try await events(user.id)
        try expect(told.map(\.name).suffix(names.count) == names[...], "\(told) should end with \(names)")
        try expect(told.map(\.sequence) == Array(1...Int64(told.count)), "events are numbered without gaps")
    }

    private func address(_ text: String) throws -> EmailAddress {
        guard let address = EmailAddress(text) else { throw ConformanceFailure(description: "\(text) is an address") }
        return address
    }

    private func digest() -> [UInt8] { (0..<32).map { _ in .random(in: 0...255) } }

    private func ticket() -> VerificationTicket {
        VerificationTicket(digest: digest(), sealedToken: "c2VhbGVk", expiresAt: now + Lifetime.passwordReset)
    }

    private func registered() async throws -> User {
        let request = RegistrationRequest(
            email: "a\(UUIDv7.make())@example.org", password: "correct horse", displayName: "Ada")
        let user = try request.user(at: now)
        _ = try await store.register(
            Registration(user: user, passwordHash: "hash", ticket: ticket()), receipt: nil)
        return user
    }

    private func opened(_ user: User) async throws -> UUIDv7 {
        let session = Session(startingFor: user.id, client: "curl", address: "", at: now)
        let token = NewRefreshToken(digest: digest(), expiresAt: now + Lifetime.refreshToken)
        try expect(await store.open(session, refreshToken: token, passwordHash: nil), "a session opens")
        return session.id
    }

    private func sessions(of user: User) async throws -> [UUIDv7] {
        try await store.sessions(of: user.id, .init(), at: now).items.map(\.id)
    }
}
