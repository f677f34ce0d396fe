import AuthAPI
import AuthApplication
import AuthInfrastructure
import AuthTesting
import Chronology
import CloudEvents
import Contracts
import EventLoop
import GRPC
import Messaging
import Observability
import Postgres
import Secrets
import ServersTesting
import ServiceRuntime
import Synchronization
import Testing
import Tokens

/// Generous: the machine may be slow and busy.
let patience: Duration = .seconds(60)

/// A clock that goes on by itself, can be put forward and be stopped.
final class AdjustableClock: WallClock {
    private let state = Mutex((offset: Duration.zero, stoppedAt: Timestamp?.none))

    func now() -> Timestamp { state.withLock { $0.stoppedAt ?? SystemClock().now() + $0.offset } }

    func advance(by interval: Duration) {
        state.withLock {
            $0.offset += interval
            $0.stoppedAt = $0.stoppedAt.map { $0 + interval }
        }
    }

    /// Stands still from now on, for what is to happen within a time that a busy machine may not keep to.
    func stop() {
        let now = now()
        state.withLock { $0.stoppedAt = now }
    }
}

/// The whole service over a real database, called through its gRPC API. The broker is left out: what is told stays in the
/// outbox.
struct AuthBench: Sendable {
    static let issuer = "http://florin.test"

    private static let masterKeyText = Base64.encode(randomBytes(32))

    /// A signing key for all tests of this process but those that have the service make one: that takes a second.
    private static let signingKey = Task<(id: String, sealed: [UInt8]), any Error> {
        let key = try RSAPrivateKey.generate()
        return (key.publicKey.thumbprint, try SecretBox(base64Key: masterKeyText).seal(key.pkcs8DER()))
    }

    let loop: EventLoop
    let pool: PostgresPool
    let repository: AuthRepository
    let keys: SigningKeys
    let clock: AdjustableClock
    let sealKey: SealedBox.PrivateKey
    let client: AuthServiceClient
    /// For the clients of the other services.
    let channel: GRPCChannel
    let counted: CountedPasswords
    /// For services that a test adds.
    let secrets: SecretAnswers

    /// Runs `body` with a service of its own, and ends it afterwards, also on failure.
    ///
    /// - Parameter url: another database than a new one.
    static func with(url: String? = nil, _ body: (AuthBench) async throws -> Void) async throws {
        let address: String
        if let url { address = url } else { address = try await TestPostgres.shared().makeDatabase() }
        let loop = try EventLoop(name: "auth-test")
        loop.start()
        let threads = OffloadPool(name: "auth-test-work", threads: 2, queueLimit: 256)
        do {
            var configuration = try PostgresPool.Configuration(url: address)
            if url == nil {
                configuration.callTimeout = .seconds(30)
                configuration.transactionTimeout = .seconds(60)
                configuration.unavailableTimeout = .seconds(20)
            }
            let pool = try PostgresPool(loop: loop, configuration: configuration)
            await pool.start()
            do {
                if url == nil { try await Migrations(AuthSchema.migrations).run(on: pool) }
                try await serve(loop, pool, threads, hasDatabase: url == nil, body)
            } catch {
                await pool.shutdown(grace: .zero)
                throw error
            }
            await pool.shutdown()
        } catch {
            threads.shutdown()
            await loop.shutdown()
            throw error
        }
        threads.shutdown()
        await loop.shutdown()
    }

    private static func serve(
        _ loop: EventLoop, _ pool: PostgresPool, _ threads: OffloadPool, hasDatabase: Bool,
        _ body: (AuthBench) async throws -> Void
    ) async throws {
        let masterKey = try MasterKey(base64: masterKeyText)
        let sealKey = try SealedBox.PrivateKey()
        let repository = AuthRepository(pool: pool, outbox: Outbox())
        let keys = SigningKeys(issuer: issuer, threads: threads)
        if hasDatabase {
            let (id, sealed) = try await signingKey.value
            try await pool.query(
                """
                INSERT INTO signing_keys (id, sealed_key, created_at) VALUES (\(id), \(sealed), \(SystemClock().now()))
                """)
            try await SigningKeyStore(pool: pool, masterKey: masterKey, threads: threads)
                .load(into: keys, at: SystemClock().now())
        }
        let clock = AdjustableClock()
        // The cost is not what is tested here.
        let hasher = PasswordHasher(parameters: try .init(memory: 64, passes: 1))
        let passwords = CountedPasswords(OffloadedPasswords(hasher: hasher, threads: threads))
        let throttle = MemoryAttemptThrottle()
        let checks = ThrottledPasswords(passwords: passwords, throttle: throttle, clock: clock)
        let secrets = SecretAnswers(
            calls: IdempotentCalls(pool: pool), throttle: throttle, clock: clock, key: { masterKey.key(for: $0) })
        let mint = RandomTokenMint(sealKey: sealKey.publicKey, masterKey: masterKey)
        let passwordAPI = PasswordAPI(
            store: repository, requests: repository, passwords: passwords, checks: checks, mint: mint, clock: clock,
            secrets: secrets, logger: .silent)
        let sessionAPI = SessionAPI(sessions: repository, clock: clock, secrets: secrets, logger: .silent)
        let opening = SessionOpening(
            sessions: repository, challenges: repository, mint: mint, accessTokens: keys, clock: clock)
        let api = AuthAPI(
            useCases: AuthAPI.UseCases(
                accounts: repository, sessions: repository, requests: repository, passwords: passwords, checks: checks,
                mint: mint, accessTokens: keys, opening: opening, clock: clock),
            secrets: secrets, logger: .silent)
        let users = Self.users(repository, checks, mint, clock, secrets)
        let server = GRPCServer(
            loop: loop, configuration: .init(address: .loopback(port: 0)),
            services: [
                AuthServiceHandlers(api), PasswordServiceHandlers(passwordAPI), SessionServiceHandlers(sessionAPI),
                try secondFactors(repository, checks, opening, mint, masterKey, clock, secrets),
                administration(repository, clock, secrets),
                UserServiceHandlers(users),
            ] + access(repository, mint, clock, secrets), logger: .silent)
        let channel = GRPCChannel(loop: loop, targets: [try await server.start()])
        let bench = AuthBench(
            loop: loop, pool: pool, repository: repository, keys: keys, clock: clock, sealKey: sealKey,
            client: AuthServiceClient(channel: channel), channel: channel, counted: passwords,
            secrets: secrets)
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body(bench))
        } catch {
            outcome = .failure(error)
        }
        await channel.shutdown()
        await server.shutdown(grace: .seconds(1))
        try outcome.get()
    }

    // MARK: What was told

    /// The events of a user in the order of the outbox.
    func events(of user: String) async throws -> [CloudEvent] {
        try await Self.events(of: user, in: pool)
    }

    static func events(of user: String, in pool: PostgresPool) async throws -> [CloudEvent] {
        try await pool.query("SELECT event FROM outbox WHERE partition_key = \(user) ORDER BY position").map { row in
            try CloudEventJSONCodec.decode(row.decode([UInt8].self, at: 0))
        }
    }

    /// The names and numbers of a user's events, in order.
    static func recorded(of user: String, in pool: PostgresPool) async throws -> [RecordedEvent] {
        try await events(of: user, in: pool).map { event in
            RecordedEvent(
                event.type.split(separator: ".").dropFirst().prefix(2).joined(separator: "."), event.sequence ?? 0)
        }
    }

    func names(of user: String) async throws -> [String] {
        try await Self.recorded(of: user, in: pool).map(\.name)
    }

    /// The token of the newest verification mail.
    func verificationToken(of user: String) async throws -> String {
        let event = try #require(
            try await events(of: user).last { $0.type == EmailVerificationRequestedV1.type })
        let payload = try EmailVerificationRequestedV1(decoding: try #require(event.jsonData))
        return String(
            decoding: try SealedBox.open(Base64URL.decode(payload.sealedToken), with: sealKey), as: UTF8.self)
    }

    // MARK: Calls

    static let password = "correct horse battery staple"

    func register(
        _ email: String, name: String = "Ada", metadata: GRPCMetadata = GRPCMetadata()
    ) async throws -> ContractReply<Contracts.User> {
        try await client.register(
            RegisterRequest(
                email: email, password: Self.password, displayName: name, baseCurrency: "EUR", locale: "en-GB"),
            metadata: metadata, timeout: patience)
    }

    func logIn(
        _ email: String, _ password: String = AuthBench.password, device: String = "curl/7.88.1"
    ) async throws -> Contracts.Tokens {
        var metadata = GRPCMetadata()
        metadata[AuthAPI.deviceMetadata] = device
        metadata[AuthAPI.addressMetadata] = "203.0.113.7"
        let signIn = try await client.login(
            LoginRequest(email: email, password: password), metadata: metadata, timeout: patience
        ).message
        return try tokens(of: signIn)
    }

    /// What a sign-in without a second factor gives.
    func tokens(of signIn: SignIn) throws -> Contracts.Tokens {
        Contracts.Tokens(
            accessToken: try #require(signIn.accessToken), tokenType: try #require(signIn.tokenType),
            expiresIn: try #require(signIn.expiresIn), refreshToken: try #require(signIn.refreshToken),
            refreshExpiresIn: try #require(signIn.refreshExpiresIn), sessionID: try #require(signIn.sessionID))
    }

    func refresh(_ token: String) async throws -> Contracts.Tokens {
        try await client.refresh(RefreshRequest(refreshToken: token), timeout: patience).message
    }

    /// The caller that the gateway makes of an access token.
    func caller(_ tokens: Contracts.Tokens) throws -> GRPCMetadata {
        let verifier = JWTVerifier(keys: Tokens::KeySet(try publishedKeys()), issuer: Self.issuer, clock: clock)
        let identity = try verifier.identity(of: tokens.accessToken)
        return Caller(userID: identity.userID, sessionID: identity.sessionID, roles: identity.roles).metadata
    }

    private func publishedKeys() throws -> JWKS {
        JWKS(
            try keys.publishedKeys.map { key in
                JWKS.Key(
                    id: key.id,
                    publicKey: try RSAPublicKey(
                        modulus: Base64URL.decode(key.modulus), exponent: Base64URL.decode(key.exponent)))
            })
    }
}

/// The problem that a call is refused with; the test fails when it is not refused.
func problem(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async -> ProblemDetails? {
    do {
        try await body()
        Issue.record("the call was not refused", sourceLocation: sourceLocation)
    } catch let status as GRPCStatus {
        return ProblemDetails(status)
    } catch {
        Issue.record("another error: \(error)", sourceLocation: sourceLocation)
    }
    return nil
}

/// Runs `body` many times at once; what each returned.
func concurrently<T: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int) async throws -> T
) async throws -> [T] {
    try await withThrowingTaskGroup(of: T.self) { group in
        for number in 0..<count { group.addTask { try await body(number) } }
        return try await group.reduce(into: []) { $0.append($1) }
    }
}
