package import Chronology
package import Idempotency
import AuthDomain

/// Ends the caller's session; ending it twice is no fault.
package struct Logout: Sendable {
    private let sessions: any SessionStore
    private let clock: any WallClock

    package init(sessions: any SessionStore, clock: any WallClock) {
        self.sessions = sessions
        self.clock = clock
    }

    /// - Parameter receipt: what is to be kept of the answer in the transaction of the effect.
    /// - Throws: `AuthRefusal.noSession`, else the store's error.
    package func callAsFunction(caller: UUIDv7, sessionID: UUIDv7?, receipt: IdempotencyReceipt? = nil) async throws {
        guard let sessionID else { throw AuthRefusal.noSession }
        _ = try await sessions.end(
            sessionID, of: caller, reason: .logout, receipt: receipt, at: clock.now().truncatedToMilliseconds)
    }
}
