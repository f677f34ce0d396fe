package import AuthApplication
import AuthDomain
package import Chronology

/// The promises of `IdentityStore`, checked on any implementation. Each check fails by throwing.
package struct IdentityStoreConformance: Sendable {
    /// A check by name.
    package enum Check: String, Sendable, CaseIterable {
        case makesANewUserAndTells
        case linksAConfirmedAddress
        case refusesAnUnconfirmedAddress
        case keepsIssuersApart
        case linksOnceOfManyAtATime
    }

    private let accounts: any AccountStore
    private let identities: any IdentityStore
    private let events: @Sendable (UUIDv7) async throws -> [RecordedEvent]
    private let now = Timestamp(secondsSinceEpoch: 1_790_000_000)

    /// - Parameters:
    ///   - accounts: over the same data.
    ///   - events: what was told of a user, in order.
    package init(
        accounts: any AccountStore, identities: any IdentityStore,
        events: @escaping @Sendable (UUIDv7) async throws -> [RecordedEvent]
    ) {
        self.accounts = accounts
        self.identities = identities
        self.events = events
    }

    /// Runs one check.
    ///
    /// - Throws: `ConformanceFailure` for a broken promise, or what the store threw.
    package func run(_ check: Check) async throws {
        switch check {
        case .makesANewUserAndTells: try await makesANewUserAndTells()
        case .linksAConfirmedAddress: try await linksAConfirmedAddress()
        case .refusesAnUnconfirmedAddress: try await refusesAnUnconfirmedAddress()
        case .keepsIssuersApart: try await keepsIssuersApart()
        case .linksOnceOfManyAtATime: try await linksOnceOfManyAtATime()
        }
    }

    private func makesANewUserAndTells() async throws {
        let identity = identity("a\(UUIDv7.make())@example.org")
        try expect(await identities.user(of: identity) == nil, "nobody is it yet")
        let newcomer = try newcomer(identity)
        try expect(await identities.link(identity, or: newcomer, at: now) == .user(newcomer), "a new user is made")
        try expect(await accounts.user(newcomer.id) == newcomer, "as it was given")
        try expect(await identities.user(of: identity) == newcomer, "who is it from then on")
        let found = try await events(newcomer.id)
        let wanted = [RecordedEvent("auth.user_registered", 1), RecordedEvent("auth.email_verified", 2)]
        try expect(found == wanted, "events \(found) should be \(wanted)")
    }

    private func linksAConfirmedAddress() async throws {
        let user = try await registered(confirmed: true)
        let identity = identity(user.email.text.uppercased())
        let link = try await identities.link(identity, or: newcomer(identity), at: now)
        try expect(link == .user(user), "the user of the address is it")
        try expect(await identities.user(of: identity) == user, "from then on")
        try expect(await events(user.id).count == 3, "nothing is told of it")
    }

    private func refusesAnUnconfirmedAddress() async throws {
        let user = try await registered(confirmed: false)
        let identity = identity(user.email.text)
        let link = try await identities.link(identity, or: newcomer(identity), at: now)
        try expect(link == .addressUnconfirmed, "it may be somebody else's")
        try expect(await identities.user(of: identity) == nil, "nobody is it")
    }

    private func keepsIssuersApart() async throws {
        let first = identity("a\(UUIDv7.make())@example.org")
        let newcomer = try newcomer(first)
        _ = try await identities.link(first, or: newcomer, at: now)
        let other = ExternalIdentity(
            issuer: "https://other.example", subject: first.subject, email: nil, isEmailVerified: false)
        try expect(await identities.user(of: other) == nil, "the same subject of another issuer is another")
        let moved = ExternalIdentity(
            issuer: first.issuer, subject: first.subject, email: "other@example.org", isEmailVerified: true)
        try expect(await identities.user(of: moved) == newcomer, "the address does not matter any more")
    }

    private func linksOnceOfManyAtATime() async throws {
        let identity = identity("a\(UUIDv7.make())@example.org")
        let users = try await withThrowingTaskGroup(of: IdentityLink.self) { group in
            for _ in 0..<12 {
                let newcomer = try newcomer(identity)
                group.addTask { try await identities.link(identity, or: newcomer, at: now) }
            }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        try expect(users.count == 1, "all are the same user")
    }

    private func identity(_ email: String) -> ExternalIdentity {
        ExternalIdentity(
            issuer: "https://id.example", subject: UUIDv7.make().description, email: email, isEmailVerified: true,
            name: "Ada")
    }

    private func newcomer(_ identity: ExternalIdentity) throws -> User {
        guard let user = identity.user(at: now) else { throw ConformanceFailure(description: "a user can be made") }
        return user
    }

    private func registered(confirmed: Bool) async throws -> User {
        let request = RegistrationRequest(
            email: "a\(UUIDv7.make())@example.org", password: "purple horse 7", displayName: "Ada")
        let user = try request.user(at: now)
        let ticket = VerificationTicket(
            digest: (0..<32).map { _ in .random(in: 0...255) }, sealedToken: "c2VhbGVk",
            expiresAt: now + Lifetime.emailVerification)
        _ = try await accounts.register(
            Registration(user: user, passwordHash: "hash", ticket: ticket), receipt: nil)
        if confirmed {
            try expect(
                await accounts.confirmEmail(digest: ticket.digest, receipt: nil, at: now), "the address is confirmed")
        }
        guard let stored = try await accounts.user(user.id) else {
            throw ConformanceFailure(description: "the account is there")
        }
        return stored
    }

    private func expect(_ condition: Bool, _ promise: String) throws {
        if !condition { throw ConformanceFailure(description: promise) }
    }
}
