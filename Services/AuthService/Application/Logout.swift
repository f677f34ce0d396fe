package import Chronology
import AuthDomain

/// Ends the caller's session; ending it twice is no fault.
package struct Logout: Sendable {
    private let sessions: any SessionStore
    private let clock: any WallClock

    package init(sessions: any SessionStore, clock: any WallClock) {
        self.sessions = sessions
        self.clock = clock
    }

    /// - Throws: `AuthRefusal.noSession`, else the store's error.
    package func callAsFunction(caller: UUIDv7, sessionID: UUIDv7?) async throws {
        guard let sessionID else { throw AuthRefusal.noSession }
        _ = try await sessions.end(sessionID, of: caller, reason: .logout, at: clock.now().truncatedToMilliseconds)
    }
}
