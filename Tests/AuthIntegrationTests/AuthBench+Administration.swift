import AuthAPI
import AuthApplication
import AuthDomain
import AuthInfrastructure
import Chronology
import Contracts
import GRPC
import Postgres
import Validation

extension AuthBench {
    var admin: AdminServiceClient { AdminServiceClient(channel: channel) }

    static func administration(
        _ repository: AuthRepository, _ clock: any WallClock, _ secrets: SecretAnswers
    ) -> any GRPCService {
        AdminServiceHandlers(
            AdminAPI(accounts: repository, store: repository, clock: clock, secrets: secrets, logger: .silent))
    }

    var apiTokens: ApiTokenServiceClient { ApiTokenServiceClient(channel: channel) }
    var access: AccessServiceClient { AccessServiceClient(channel: channel) }

    static func access(
        _ repository: AuthRepository, _ mint: any ApiTokenMint, _ clock: any WallClock, _ secrets: SecretAnswers
    ) -> [any GRPCService] {
        [
            ApiTokenServiceHandlers(
                ApiTokenAPI(
                    store: repository, mint: mint, clock: clock, secrets: secrets, logger: .silent)),
            AccessServiceHandlers(
                AccessAPI(tokens: repository, mint: mint, revocations: repository, clock: clock, logger: .silent)),
        ]
    }

    /// Registers an administrator and signs in.
    func administrator(_ email: String = "root@example.org") async throws -> GRPCMetadata {
        let user = try await register(email).message
        _ = try await repository.update(
            UUIDv7(parsing: user.id), AccountChange(roles: [.admin]), if: .anyVersion, by: nil, receipt: { _ in nil },
            at: clock.now())
        return try caller(try await logIn(email))
    }
}
