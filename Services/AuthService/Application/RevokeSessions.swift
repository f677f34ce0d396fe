import AuthDomain
package import Chronology

/// Ends sessions of the caller from elsewhere.
package struct RevokeSessions: Sendable {
    private let sessions: any SessionStore
    private let clock: any WallClock

    package init(sessions: any SessionStore, clock: any WallClock) {
        self.sessions = sessions
        self.clock = clock
    }

    /// Ends one.
    ///
    /// - Throws: `AuthRefusal.unknownSession` where the caller has no such session that goes on, else the store's error.
    package func one(_ id: String, caller: UUIDv7) async throws {
        let sessionID: UUIDv7
        do {
            sessionID = try UUIDv7(parsing: id)
        } catch {
            throw AuthRefusal.unknownSession
        }
        guard
            try await sessions.end(sessionID, of: caller, reason: .revoked, at: clock.now().truncatedToMilliseconds)
        else { throw AuthRefusal.unknownSession }
    }

    /// Ends all, the one that asks for it too.
    ///
    /// - Throws: the store's error.
    package func all(caller: UUIDv7) async throws {
        _ = try await sessions.endAll(
            of: caller, except: nil, reason: .revoked, at: clock.now().truncatedToMilliseconds)
    }
}
