package import Chronology
internal import Synchronization
package import Tokens

/// Accounts whose status or roles were changed, or that are gone, while access tokens of before are still about. An entry goes when
/// none of them can be valid any more.
package final class AccessChanges: Sendable {
    /// How an account is now.
    package struct Access: Sendable, Hashable {
        /// Nil where nobody may use the account: it is locked or gone.
        package let roles: Set<String>?
        package let changedAt: Timestamp

        package init(roles: Set<String>?, changedAt: Timestamp) {
            self.roles = roles
            self.changedAt = changedAt
        }
    }

    private let maximumEntries: Int
    private let lifetime: Duration
    private let now: @Sendable () -> Duration
    private let entries = Mutex<[UUIDv7: (access: Access, end: Duration)]>([:])

    /// - Parameters:
    ///   - lifetime: at least that of an access token, with what clocks may differ by.
    ///   - maximumEntries: beyond it the oldest entry is forgotten.
    ///   - now: a clock that never goes back.
    package init(
        lifetime: Duration = .seconds(3600), maximumEntries: Int = 50_000, now: @escaping @Sendable () -> Duration
    ) {
        self.lifetime = lifetime
        self.maximumEntries = maximumEntries
        self.now = now
    }

    /// Notes how an account is; what was noted of a later time stays.
    package func note(_ user: UUIDv7, _ access: Access) {
        let now = now()
        entries.withLock { entries in
            if let known = entries[user], known.access.changedAt > access.changedAt { return }
            if entries[user] == nil, entries.count >= maximumEntries {
                entries = entries.filter { $0.value.end > now }
                if entries.count >= maximumEntries, let oldest = entries.min(by: { $0.value.end < $1.value.end }) {
                    entries[oldest.key] = nil
                }
            }
            entries[user] = (access, now + lifetime)
        }
    }

    /// Whether a token of that time says something else than the account's present state.
    ///
    /// A token that was made after the last change that is known of is believed: it may know of a later one. Times of tokens are
    /// whole seconds, so one of the very second of a change is held against what is known.
    package func refuses(_ identity: Identity, issuedAt: Timestamp) -> Bool {
        guard let access = entries.withLock({ $0[identity.userID]?.access }), issuedAt <= access.changedAt else {
            return false
        }
        return access.roles.map { $0 != Set(identity.roles) } ?? true
    }
}
