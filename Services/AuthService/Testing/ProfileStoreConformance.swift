package import AuthApplication
import AuthDomain
package import Chronology
import Validation

/// The promises of `ProfileStore`, checked on any implementation. Each check fails by throwing.
package struct ProfileStoreConformance: Sendable {
    /// A check by name.
    package enum Check: String, Sendable, CaseIterable {
        case changesAndTells
        case tellsNothingOfNoChange
        case refusesAnotherVersion
        case losesNoChangeOfManyAtATime
    }

    private let accounts: any AccountStore
    private let profiles: any ProfileStore
    private let events: @Sendable (UUIDv7) async throws -> [RecordedEvent]
    private let now = Timestamp(secondsSinceEpoch: 1_790_000_000)

    /// - Parameters:
    ///   - accounts: over the same data.
    ///   - events: what was told of a user, in order.
    package init(
        accounts: any AccountStore, profiles: any ProfileStore,
        events: @escaping @Sendable (UUIDv7) async throws -> [RecordedEvent]
    ) {
        self.accounts = accounts
        self.profiles = profiles
        self.events = events
    }

    /// Runs one check.
    ///
    /// - Throws: `ConformanceFailure` for a broken promise, or what the store threw.
    package func run(_ check: Check) async throws {
        let user = try await registered()
        switch check {
        case .changesAndTells: try await changesAndTells(user)
        case .tellsNothingOfNoChange: try await tellsNothingOfNoChange(user)
        case .refusesAnotherVersion: try await refusesAnotherVersion(user)
        case .losesNoChangeOfManyAtATime: try await losesNoChangeOfManyAtATime(user)
        }
    }

    private func changesAndTells(_ user: User) async throws {
        let change = try ProfileChange(
            displayName: "Ada Lovelace", baseCurrency: "GBP", locale: "fr", timeZone: "Europe/London"
        ).checked { _ in true }
        let later = now + .seconds(5)
        let changed = try await profiles.changeUser(user.id, if: .anyVersion, receipt: { _ in nil }) {
            change.applied(to: $0, at: later)
        }
        try expect(changed == change.applied(to: user, at: later), "the change is answered")
        try expect(changed?.version == 2 && changed?.updatedAt == later, "it makes a version")
        try expect(await accounts.user(user.id) == changed, "the change is kept")
        try await expectEvents(of: user, ["auth.user_updated"])
        let unknown = try await profiles.changeUser(.make(), if: .anyVersion, receipt: { _ in nil }) { $0 }
        try expect(unknown == nil, "an unknown user is none")
    }

    private func tellsNothingOfNoChange(_ user: User) async throws {
        let change = try ProfileChange(displayName: user.displayName).checked { _ in true }
        let later = now + .seconds(5)
        let same = try await profiles.changeUser(user.id, if: .anyVersion, receipt: { _ in nil }) {
            change.applied(to: $0, at: later)
        }
        try expect(same == user, "it stays as it is")
        try await expectEvents(of: user, [])
    }

    private func refusesAnotherVersion(_ user: User) async throws {
        let change = try ProfileChange(displayName: "Eve").checked { _ in true }
        let later = now
        do {
            _ = try await profiles.changeUser(user.id, if: .oneOf([7]), receipt: { _ in nil }) {
                change.applied(to: $0, at: later)
            }
            throw ConformanceFailure(description: "another version is refused")
        } catch is VersionMismatch {
            try expect(await accounts.user(user.id) == user, "nothing has changed")
        }
        let changed = try await profiles.changeUser(user.id, if: .oneOf([1]), receipt: { _ in nil }) {
            change.applied(to: $0, at: later)
        }
        try expect(changed?.displayName == "Eve", "the present version is changed")
    }

    private func losesNoChangeOfManyAtATime(_ user: User) async throws {
        let later = now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<16 {
                let change = try ProfileChange(displayName: "Ada \(number)").checked { _ in true }
                group.addTask {
                    _ = try await profiles.changeUser(user.id, if: .anyVersion, receipt: { _ in nil }) {
                        change.applied(to: $0, at: later)
                    }
                }
            }
            try await group.waitForAll()
        }
        try expect(await accounts.user(user.id)?.version == 17, "each makes a version")
        try await expectEvents(of: user, Array(repeating: "auth.user_updated", count: 16))
    }

    private func registered() async throws -> User {
        let request = RegistrationRequest(
            email: "a\(UUIDv7.make())@example.org", password: "correct horse", displayName: "Ada", locale: "en-GB")
        let user = try request.user(at: now)
        let ticket = VerificationTicket(
            digest: (0..<32).map { _ in .random(in: 0...255) }, sealedToken: "c2VhbGVk",
            expiresAt: now + Lifetime.emailVerification)
        let isMade = try await accounts.register(
            Registration(user: user, passwordHash: "hash", ticket: ticket), receipt: nil)
        try expect(isMade, "an account is made")
        return user
    }

    private func expectEvents(of user: User, _ later: [String]) async throws {
        let names = ["auth.user_registered", "auth.email_verification_requested"] + later
        let found = try await events(user.id)
        let wanted = names.enumerated().map { RecordedEvent($1, Int64($0) + 1) }
        try expect(found == wanted, "events \(found) should be \(wanted)")
    }

    private func expect(_ condition: Bool, _ promise: String) throws {
        if !condition { throw ConformanceFailure(description: promise) }
    }
}
