import AuthAPI
import AuthApplication
import AuthInfrastructure
import Chronology
import Contracts
import GRPC
import Postgres
import Secrets
import ServiceRuntime

extension AuthProgram {
    static func secondFactors(
        _ host: ServiceHost, _ pool: PostgresPool, _ repository: AuthRepository, _ checks: ThrottledPasswords,
        _ opening: SessionOpening, _ mint: any TokenMint, _ masterKey: MasterKey
    ) throws -> any GRPCService {
        MfaServiceHandlers(
            MfaAPI(
                useCases: MfaAPI.UseCases(
                    factors: repository, oneTimePasswords: try SealedOneTimePasswords(masterKey: masterKey),
                    confirmPassword: ConfirmPassword(store: repository, passwords: checks), opening: opening,
                    mint: mint, clock: SystemClock()),
                secrets: try secretAnswers(pool, masterKey), logger: host.logger))
    }

    static func secretAnswers(_ pool: PostgresPool, _ masterKey: MasterKey) throws -> SecretAnswers {
        SecretAnswers(
            calls: IdempotentCalls(
                pool: pool, seal: .init(try SecretBox(key: masterKey.key(for: "idempotent-answers")))),
            fingerprintKey: masterKey.key(for: "idempotent-fingerprints"))
    }
}
