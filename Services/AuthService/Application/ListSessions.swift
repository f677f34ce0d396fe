package import AuthDomain
package import Chronology
package import Validation

/// Lists the caller's sessions, newest first.
package struct ListSessions: Sendable {
    private let sessions: any SessionStore
    private let clock: any WallClock

    package init(sessions: any SessionStore, clock: any WallClock) {
        self.sessions = sessions
        self.clock = clock
    }

    /// - Throws: `ValidationFailure` for `limit` or `cursor`, else the store's error.
    package func callAsFunction(caller: UUIDv7, limit: Int64?, cursor: String?) async throws -> Page<Session> {
        var validator = Validator()
        let page = validator.page(limit: limit, cursor: cursor, keyCount: 1)
        if let key = page?.after?.keys.first, (try? UUIDv7(parsing: key)) == nil {
            validator.fail("cursor", "invalid_cursor", "must be a next_cursor of this list")
        }
        return try await sessions.sessions(of: caller, validator.checked(page), at: clock.now())
    }
}
