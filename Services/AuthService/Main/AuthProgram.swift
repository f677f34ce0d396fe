import AuthAPI
import AuthApplication
import AuthInfrastructure
import Chronology
import Contracts
import EventLoop
import Messaging
import Postgres
import Secrets
import ServiceRuntime

/// The auth service: accounts, sessions and the keys that sign access tokens.
enum AuthProgram: ServiceProgram {
    struct Settings: Sendable {
        let database: DatabaseSettings
        let broker: BrokerSettings
        let grpc: GRPCSettings
        /// Nil only while the configuration has faults, as the key after it.
        let masterKey: MasterKey?
        let sealKey: SealedBox.PublicKey?
        let issuer: String
        let passwordThreads: Int
        let keys: KeySettings
        let identityProviders: IdentityProviderSettings
    }

    static let name = "auth-service"
    static let adminAddress = "127.0.0.1:8091"
    static let migrations = AuthSchema.migrations
    static var commands: [ServiceCommand<Settings>] { [createAdmin, rotateKeysCommand] }

    static func settings(_ reader: inout ConfigurationReader) -> Settings {
        Settings(
            database: DatabaseSettings(&reader), broker: BrokerSettings(&reader),
            grpc: GRPCSettings(&reader, address: "127.0.0.1:8081"),
            masterKey: reader.value(
                "FLORIN_MASTER_KEY", "base64 of the 32 bytes that seal the signing keys", standIn: nil, isSecret: true
            ) { text in
                do throws(SecretsError) {
                    return .success(try MasterKey(base64: text))
                } catch {
                    return .failure(FileFault("is not a key of 32 bytes in base64"))
                }
            },
            sealKey: reader.value(
                "FLORIN_SEAL_PUBLIC_KEY", "base64 of the key that one-time tokens are sealed to", standIn: nil
            ) { text in
                do throws(SecretsError) {
                    return .success(try SealedBox.PublicKey(base64: text))
                } catch {
                    return .failure(FileFault("is not a public key of 32 bytes in base64"))
                }
            },
            issuer: reader.string(
                "FLORIN_PUBLIC_URL", "where users reach Florin: the issuer of its tokens",
                default: "http://127.0.0.1:8080"),
            passwordThreads: reader.int(
                "FLORIN_PASSWORD_THREADS", "passwords hashed at a time, 19 MiB of memory each", default: 2, in: 1...64),
            keys: KeySettings(&reader),
            identityProviders: identityProviders(&reader))
    }

    static func build(_ host: ServiceHost, _ settings: Settings) throws {
        guard let masterKey = settings.masterKey, let sealKey = settings.sealKey else {
            throw ConfigurationFailure(faults: ["FLORIN_MASTER_KEY", "FLORIN_SEAL_PUBLIC_KEY"])
        }
        // A password takes some 25 ms: the last in the queue waits for about a second.
        let hashing = OffloadPool(name: "passwords", threads: settings.passwordThreads, queueLimit: 64)
        let signing = OffloadPool(name: "signing", threads: 1, queueLimit: 256)
        // Of their own: nobody's signature waits for a new key, which takes a second.
        let keyMaking = OffloadPool(name: "key-making", threads: 1, queueLimit: 4)
        host.observe(hashing, named: "passwords")
        host.observe(signing, named: "signing")
        host.observe(keyMaking, named: "key-making")
        host.add(
            Component(
                "threads", start: {},
                stop: { _ in
                    hashing.shutdown()
                    signing.shutdown()
                    keyMaking.shutdown()
                }))
        let pool = try host.database(settings.database, migrations: migrations)
        let outbox = Outbox()
        let broker = try host.broker(settings.broker)
        host.relay(outbox, from: pool, to: broker)
        host.consume(EventQueues.erasures, of: broker, in: pool, handler: ErasureConfirmations())
        let repository = AuthRepository(pool: pool, outbox: outbox)
        let keys = SigningKeys(issuer: settings.issuer, threads: signing)
        let store = SigningKeyStore(pool: pool, masterKey: masterKey, threads: keyMaking)
        keepKeys(keys, store, settings.keys, host)
        host.chore("sweep", every: .seconds(600)) { try await repository.sweep(at: SystemClock().now()) }
        host.forgetOldAnswers(in: pool)
        let passwords = OffloadedPasswords(hasher: PasswordHasher(), threads: hashing)
        let throttle = MemoryAttemptThrottle()
        let checks = ThrottledPasswords(passwords: passwords, throttle: throttle, clock: SystemClock())
        let secrets = SecretAnswers(
            calls: IdempotentCalls(pool: pool), throttle: throttle, clock: SystemClock(),
            key: { masterKey.key(for: $0) })
        let mint = RandomTokenMint(sealKey: sealKey, masterKey: masterKey)
        let answerRequests = AnswerAddressRequests(
            requests: repository, accounts: repository, passwords: repository, clock: SystemClock())
        // On a beat of its own, so that the work for one request does not follow right upon its answer.
        host.chore("address-requests", every: .milliseconds(200)) { try await answerRequests() }
        let opening = SessionOpening(
            sessions: repository, challenges: repository, mint: mint, accessTokens: keys, clock: SystemClock())
        let api = AuthAPI(
            useCases: AuthAPI.UseCases(
                accounts: repository, sessions: repository, requests: repository, passwords: passwords, checks: checks,
                mint: mint, accessTokens: keys, opening: opening, clock: SystemClock()),
            secrets: secrets, logger: host.logger)
        let passwordAPI = PasswordAPI(
            store: repository, requests: repository, passwords: passwords, checks: checks, mint: mint,
            clock: SystemClock(), secrets: secrets, logger: host.logger)
        let sessionAPI = SessionAPI(
            sessions: repository, clock: SystemClock(), secrets: secrets, logger: host.logger)
        host.serve(
            [
                AuthServiceHandlers(api), PasswordServiceHandlers(passwordAPI), SessionServiceHandlers(sessionAPI),
                try secondFactors(host, repository, checks, opening, mint, masterKey, secrets),
                administration(host, repository, secrets),
                identityProviders(host, settings.identityProviders, repository, opening, secrets),
                UserServiceHandlers(users(repository, checks, mint, secrets, host)),
                ArchiveServiceHandlers(ArchiveAPI(AuthArchive.kinds, pool: pool, logger: host.logger)),
                host.deadLetters(of: "auth", in: pool),
            ] + access(host, repository, mint, secrets), settings: settings.grpc)
    }
}
