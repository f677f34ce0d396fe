import AuthAPI
import AuthApplication
import AuthInfrastructure
import Chronology
import Contracts
import EventLoop
import GRPC
import Messaging
import Secrets
import ServiceRuntime
import Validation

extension AuthProgram {
    static func administration(
        _ host: ServiceHost, _ repository: AuthRepository, _ secrets: SecretAnswers
    ) -> any GRPCService {
        AdminServiceHandlers(
            AdminAPI(
                accounts: repository, store: repository, clock: SystemClock(), secrets: secrets, logger: host.logger))
    }

    /// Personal API tokens, and what gateways ask about callers.
    static func access(
        _ host: ServiceHost, _ repository: AuthRepository, _ mint: any ApiTokenMint, _ secrets: SecretAnswers
    ) -> [any GRPCService] {
        [
            ApiTokenServiceHandlers(
                ApiTokenAPI(
                    store: repository, mint: mint, clock: SystemClock(), secrets: secrets,
                    logger: host.logger)),
            AccessServiceHandlers(
                AccessAPI(
                    tokens: repository, mint: mint, revocations: repository, clock: SystemClock(),
                    logger: host.logger)),
        ]
    }

    /// Makes the first administrator, whom no other can make.
    static let createAdmin = ServiceCommand<Settings>(
        "create-admin",
        help:
            "EMAIL: makes somebody an administrator; the password of a new account is the first line of standard input"
    ) { host, settings, arguments in
        guard arguments.count == 1 else {
            host.output("usage: auth-service create-admin EMAIL <FILE-WITH-THE-PASSWORD\n")
            return ServiceMain.Status.usage
        }
        guard let masterKey = settings.masterKey, let sealKey = settings.sealKey else {
            throw ConfigurationFailure(faults: ["FLORIN_MASTER_KEY", "FLORIN_SEAL_PUBLIC_KEY"])
        }
        let threads = OffloadPool(name: "passwords", threads: 1, queueLimit: 1)
        defer { threads.shutdown() }
        let pool = try host.database(settings.database, migrations: migrations)
        try await host.startComponents()
        let repository = AuthRepository(pool: pool, outbox: Outbox())
        let create = CreateAdministrator(
            accounts: repository, store: repository,
            register: Register(
                accounts: repository, passwords: OffloadedPasswords(hasher: PasswordHasher(), threads: threads),
                mint: RandomTokenMint(sealKey: sealKey, masterKey: masterKey), clock: SystemClock()),
            clock: SystemClock())
        do {
            let (user, isNew) = try await create(email: arguments[0]) { readLine() ?? "" }
            host.output("\(user.id) \(isNew ? "was made and " : "")is an administrator\n")
            return ServiceMain.Status.ok
        } catch let failure as ValidationFailure {
            for error in failure.errors { host.output("\(error.field) \(error.message)\n") }
            return ServiceMain.Status.failure
        }
    }
}
