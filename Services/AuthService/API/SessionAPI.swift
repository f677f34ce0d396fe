package import AuthApplication
package import Chronology
package import Contracts
package import GRPC
package import Observability
import ServiceRuntime

/// `florin.auth.v1.SessionService` over the use cases.
package struct SessionAPI: SessionServiceProvider {
    private let revoke: RevokeSessions
    private let secrets: SecretAnswers
    private let logger: Logger

    package init(sessions: any SessionStore, clock: any WallClock, secrets: SecretAnswers, logger: Logger) {
        revoke = RevokeSessions(sessions: sessions, clock: clock)
        self.secrets = secrets
        self.logger = logger
    }

    package func revokeSession(_ request: RevokeSessionRequest, context: ServerContext) async throws -> Empty {
        try await context.answerOrRefuse(logger: logger) {
            let caller = try Caller(repeating: context.metadata)
            return try await secrets.perform(caller: caller, isGuarded: false, context: context) { receipt in
                try await revoke.one(request.id, caller: caller.userID, receipt: receipt(Empty()))
                return Empty()
            }
        }
    }

    package func revokeSessions(_ request: Empty, context: ServerContext) async throws -> Empty {
        try await context.answerOrRefuse(logger: logger) {
            let caller = try Caller(repeating: context.metadata)
            return try await secrets.perform(caller: caller, isGuarded: false, context: context) { receipt in
                try await revoke.all(caller: caller.userID, receipt: receipt(Empty()))
                return Empty()
            }
        }
    }
}
