import AuthAPI
import AuthApplication
import AuthInfrastructure
import Chronology
import Contracts
import Postgres
import Secrets
import ServiceRuntime

extension AuthBench {
    var users: UserServiceClient { UserServiceClient(channel: channel) }

    /// Profiles, and the end of accounts.
    static func users(
        _ repository: AuthRepository, _ checks: ThrottledPasswords, _ mint: RandomTokenMint,
        _ clock: AdjustableClock, _ secrets: SecretAnswers
    ) -> UsersAPI {
        UsersAPI(
            updateProfile: UpdateProfile(profiles: repository, timeZones: SystemTimeZones(), clock: clock),
            eraseAccount: EraseAccount(
                store: repository, accounts: repository,
                confirmPassword: ConfirmPassword(store: repository, passwords: checks), mint: mint, clock: clock),
            getErasure: GetErasure(store: repository), secrets: secrets, logger: .silent)
    }
}
