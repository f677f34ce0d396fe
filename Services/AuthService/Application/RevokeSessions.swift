import AuthDomain
package import Chronology
package import Idempotency

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
    /// - Parameter receipt: what is to be kept of the answer in the transaction of the effect.
    /// - Throws: `AuthRefusal.unknownSession` where the caller has no such session that goes on, else the store's error.
    package func one(_ id: String, caller: UUIDv7, receipt: IdempotencyReceipt? = nil) async throws {
        let sessionID: UUIDv7
        do {
            sessionID = try UUIDv7(parsing: id)
        } catch {
            throw AuthRefusal.unknownSession
        }
        guard
            try await sessions.end(
                sessionID, of: caller, reason: .revoked, receipt: receipt, at: clock.now().truncatedToMilliseconds)
        else { throw AuthRefusal.unknownSession }
    }

    /// Ends all, the one that asks for it too.
    ///
    /// - Parameter receipt: what is to be kept of the answer in the transaction of the effect.
    /// - Throws: the store's error.
    package func all(caller: UUIDv7, receipt: IdempotencyReceipt? = nil) async throws {
        _ = try await sessions.endAll(
            of: caller, except: nil, reason: .revoked, receipt: receipt, at: clock.now().truncatedToMilliseconds)
    }
}
