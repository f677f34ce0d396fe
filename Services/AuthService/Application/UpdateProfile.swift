package import AuthDomain
package import Chronology
package import Idempotency
package import Validation

/// Changes the caller's profile.
package struct UpdateProfile: Sendable {
    private let profiles: any ProfileStore
    private let timeZones: any TimeZones
    private let clock: any WallClock

    package init(profiles: any ProfileStore, timeZones: any TimeZones, clock: any WallClock) {
        self.profiles = profiles
        self.timeZones = timeZones
        self.clock = clock
    }

    /// - Throws: `ValidationFailure` for what breaks a rule, `VersionMismatch`, `AuthRefusal.unknownUser`, else the store's
    ///   error.
    package func callAsFunction(
        _ change: ProfileChange, caller: UUIDv7, if precondition: VersionPrecondition,
        receipt: @Sendable (User) throws -> IdempotencyReceipt?
    ) async throws -> User {
        let checked = try change.checked(isTimeZone: timeZones.contains)
        let now = clock.now().truncatedToMilliseconds
        guard
            let user = try await profiles.changeUser(
                caller, if: precondition, receipt: receipt, { checked.applied(to: $0, at: now) })
        else { throw AuthRefusal.unknownUser }
        return user
    }
}
