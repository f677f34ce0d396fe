package import AuthApplication
package import Chronology
package import Contracts
package import GRPC
package import Observability
import ServiceRuntime

/// `florin.auth.v1.PasswordService` over the use cases.
package struct PasswordAPI: PasswordServiceProvider {
    private let change: ChangePassword
    private let forgot: ForgotPassword
    private let reset: ResetPassword
    private let secrets: SecretAnswers
    private let logger: Logger

    package init(
        store: any PasswordStore, requests: any AddressRequestStore, passwords: any PasswordHashing,
        checks: ThrottledPasswords, mint: any TokenMint, clock: any WallClock,
        secrets: SecretAnswers, logger: Logger
    ) {
        change = ChangePassword(store: store, passwords: passwords, checks: checks, clock: clock)
        forgot = ForgotPassword(requests: requests, mint: mint, clock: clock)
        reset = ResetPassword(store: store, passwords: passwords, mint: mint, clock: clock)
        self.secrets = secrets
        self.logger = logger
    }

    package func changePassword(_ request: ChangePasswordRequest, context: ServerContext) async throws -> Empty {
        try await context.answerOrRefuse(logger: logger) {
            let caller = try Caller(context.metadata)
            return try await secrets.perform(caller: caller, context: context) { receipt in
                try await change(
                    caller: caller.userID, sessionID: caller.sessionID, current: request.currentPassword,
                    new: request.newPassword, receipt: receipt(Empty()))
                return Empty()
            }
        }
    }

    package func forgotPassword(_ request: ForgotPasswordRequest, context: ServerContext) async throws -> Empty {
        try await context.answerOrRefuse(logger: logger) {
            try await secrets.perform(caller: .address(request.email), context: context) { receipt in
                try await forgot(email: request.email, receipt: receipt(Empty()))
                return Empty()
            }
        }
    }

    package func resetPassword(_ request: ResetPasswordRequest, context: ServerContext) async throws -> Empty {
        try await context.answerOrRefuse(logger: logger) {
            try await secrets.perform(caller: .bearer(of: request.token), context: context) { receipt in
                try await reset(token: request.token, new: request.newPassword, receipt: receipt(Empty()))
                return Empty()
            }
        }
    }
}
