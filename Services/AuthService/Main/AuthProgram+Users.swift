import AuthAPI
import AuthApplication
import AuthInfrastructure
import Chronology
import ServiceRuntime

extension AuthProgram {
    /// Profiles, and the end of accounts.
    static func users(
        _ repository: AuthRepository, _ checks: ThrottledPasswords, _ mint: RandomTokenMint, _ secrets: SecretAnswers,
        _ host: ServiceHost
    ) -> UsersAPI {
        let clock = SystemClock()
        return UsersAPI(
            updateProfile: UpdateProfile(profiles: repository, timeZones: SystemTimeZones(), clock: clock),
            eraseAccount: EraseAccount(
                store: repository, accounts: repository,
                confirmPassword: ConfirmPassword(store: repository, passwords: checks), mint: mint, clock: clock),
            getErasure: GetErasure(store: repository), secrets: secrets, logger: host.logger)
    }
}
