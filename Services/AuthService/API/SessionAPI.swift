package import AuthApplication
package import Chronology
package import Contracts
package import GRPC
package import Observability
import ServiceRuntime

/// `florin.auth.v1.SessionService` over the use cases.
package struct SessionAPI: SessionServiceProvider {
    private let revoke: RevokeSessions
    private let logger: Logger

    package init(sessions: any SessionStore, clock: any WallClock, logger: Logger) {
        revoke = RevokeSessions(sessions: sessions, clock: clock)
        self.logger = logger
    }

    package func revokeSession(_ request: RevokeSessionRequest, context: ServerContext) async throws -> Empty {
        try await context.answerOrRefuse(logger: logger) {
            try await revoke.one(request.id, caller: Caller(context.metadata).userID)
            return Empty()
        }
    }

    package func revokeSessions(_ request: Empty, context: ServerContext) async throws -> Empty {
        try await context.answerOrRefuse(logger: logger) {
            try await revoke.all(caller: Caller(context.metadata).userID)
            return Empty()
        }
    }
}
