import AuthAPI
import AuthApplication
import AuthInfrastructure
import Chronology
import Contracts
import GRPC
import ServiceRuntime

extension AuthProgram {
    static func secondFactors(
        _ host: ServiceHost, _ repository: AuthRepository, _ checks: ThrottledPasswords, _ opening: SessionOpening,
        _ mint: any TokenMint, _ masterKey: MasterKey, _ secrets: SecretAnswers
    ) throws -> any GRPCService {
        MfaServiceHandlers(
            MfaAPI(
                useCases: MfaAPI.UseCases(
                    factors: repository, oneTimePasswords: try SealedOneTimePasswords(masterKey: masterKey),
                    confirmPassword: ConfirmPassword(store: repository, passwords: checks), opening: opening,
                    mint: mint, clock: SystemClock()),
                secrets: secrets, logger: host.logger))
    }
}
