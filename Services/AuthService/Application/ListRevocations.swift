package import AuthDomain
package import Chronology
package import Validation

/// What ended or changed before the access tokens that were made for it do.
package struct RevocationPage: Sendable, Hashable {
    /// An account whose status or roles were changed.
    package struct AccessChange: Sendable, Hashable {
        package let userID: UUIDv7
        package let status: AccountStatus
        package let roles: [Role]
        package let changedAt: Timestamp

        package init(userID: UUIDv7, status: AccountStatus, roles: [Role], changedAt: Timestamp) {
            self.userID = userID
            self.status = status
            self.roles = roles
            self.changedAt = changedAt
        }
    }

    package let sessions: [UUIDv7]
    package let changes: [AccessChange]
    /// Accounts that are gone.
    package let removedUsers: [UUIDv7]
    /// Where the next page begins; nil at the end.
    package let next: PageCursor?

    package init(
        sessions: [UUIDv7], changes: [AccessChange], removedUsers: [UUIDv7], next: PageCursor?
    ) {
        self.sessions = sessions
        self.changes = changes
        self.removedUsers = removedUsers
        self.next = next
    }
}

/// Where the ends of sessions and accounts are remembered.
package protocol RevocationStore: Sendable {
    /// What ended or changed at an instant or after it; sessions in the order of their ends, at most `limit` of them. The cursor's
    /// keys are the instant in microseconds and the session; what is not about sessions is on the first page.
    ///
    /// - Throws: the store's own error.
    func revocations(since: Timestamp, after: PageCursor?, limit: Int) async throws -> RevocationPage
}

/// Tells a gateway what it may not have heard of.
package struct ListRevocations: Sendable {
    /// Nothing earlier matters: the access tokens of then have run out, also for clocks that differ.
    package static let horizon: Duration = Lifetime.accessToken + .seconds(300)
    private static let pageSize = 5000

    private let store: any RevocationStore
    private let clock: any WallClock

    package init(store: any RevocationStore, clock: any WallClock) {
        self.store = store
        self.clock = clock
    }

    /// - Returns: a page, and the instant it was asked for.
    /// - Throws: `ValidationFailure` for what is no instant or cursor, else the store's error.
    package func callAsFunction(
        since text: String, cursor: String?
    ) async throws -> (page: RevocationPage, now: Timestamp) {
        var validator = Validator()
        let since = Timestamp(rfc3339: text)
        if since == nil { validator.fail("since", "invalid_instant", "must be an instant") }
        var after: PageCursor?
        if let cursor {
            after = PageCursor(cursor, keyCount: 2)
            if after.flatMap({ Int64($0.keys[0]) }) == nil
                || (try? UUIDv7(parsing: after?.keys[1] ?? "")) == nil
            {
                validator.fail("cursor", "invalid_cursor", "must be a next_cursor of this list")
            }
        }
        let wanted = try validator.checked(since)
        let now = clock.now()
        let page = try await store.revocations(
            since: max(wanted, now - Self.horizon), after: after, limit: Self.pageSize)
        return (page, now)
    }
}
