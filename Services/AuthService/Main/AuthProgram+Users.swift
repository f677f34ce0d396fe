import AuthAPI
import AuthApplication
import AuthInfrastructure
import Chronology
import Postgres
import Secrets
import ServiceRuntime

extension AuthProgram {
    /// Profiles, and the end of accounts.
    static func users(
        _ repository: AuthRepository, _ pool: PostgresPool, _ checks: ThrottledPasswords, _ mint: RandomTokenMint,
        _ masterKey: MasterKey, _ host: ServiceHost
    ) -> UsersAPI {
        let clock = SystemClock()
        return UsersAPI(
            updateProfile: UpdateProfile(profiles: repository, timeZones: SystemTimeZones(), clock: clock),
            eraseAccount: EraseAccount(
                store: repository, accounts: repository,
                confirmPassword: ConfirmPassword(store: repository, passwords: checks), mint: mint, clock: clock),
            getErasure: GetErasure(store: repository), idempotent: IdempotentCalls(pool: pool),
            registrationKeys: RegistrationKeys(secret: masterKey.key(for: "registration")), logger: host.logger)
    }
}
