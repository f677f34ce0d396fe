package import AuthApplication
package import Contracts
package import GRPC
package import Observability
import ServiceRuntime
import AuthDomain
package import Chronology

/// `florin.auth.v1.AuthService` over the use cases.
package struct AuthAPI: AuthServiceProvider {
    /// Metadata in which the gateway passes on how the client names itself.
    package static let deviceMetadata = "florin-client-device"
    /// Metadata in which the gateway passes on where the client calls from.
    package static let addressMetadata = "florin-client-address"

    /// Everything that the service can do.
    package struct UseCases: Sendable {
        fileprivate let register: Register
        fileprivate let verifyEmail: VerifyEmail
        fileprivate let resendVerification: ResendVerification
        fileprivate let login: Login
        fileprivate let refresh: Refresh
        fileprivate let logout: Logout
        fileprivate let listSessions: ListSessions
        fileprivate let getProfile: GetProfile
        fileprivate let getKeySet: GetKeySet

        /// All of them over these ports.
        package init(
            accounts: any AccountStore, sessions: any SessionStore, requests: any AddressRequestStore,
            passwords: any PasswordHashing, checks: ThrottledPasswords, mint: any TokenMint,
            accessTokens: any AccessTokens, opening: SessionOpening, clock: any WallClock
        ) {
            register = Register(accounts: accounts, passwords: passwords, mint: mint, clock: clock)
            verifyEmail = VerifyEmail(accounts: accounts, mint: mint, clock: clock)
            resendVerification = ResendVerification(requests: requests, mint: mint, clock: clock)
            login = Login(
                accounts: accounts, requests: requests, passwords: checks, opening: opening, clock: clock)
            refresh = Refresh(sessions: sessions, mint: mint, accessTokens: accessTokens, clock: clock)
            logout = Logout(sessions: sessions, clock: clock)
            listSessions = ListSessions(sessions: sessions, clock: clock)
            getProfile = GetProfile(accounts: accounts)
            getKeySet = GetKeySet(accessTokens: accessTokens)
        }
    }

    private let useCases: UseCases
    private let secrets: SecretAnswers
    private let logger: Logger

    package init(useCases: UseCases, secrets: SecretAnswers, logger: Logger) {
        self.useCases = useCases
        self.secrets = secrets
        self.logger = logger
    }

    // MARK: Accounts

    package func register(_ request: RegisterRequest, context: ServerContext) async throws -> Contracts.User {
        try await answer(context) {
            try await secrets.perform(caller: .address(request.email), context: context) { receipt in
                let user = try await useCases.register(RegistrationRequest(request)) { user in
                    try receipt(Contracts.User(user))
                }
                return Contracts.User(user)
            }
        }
    }

    package func verifyEmail(_ request: VerifyEmailRequest, context: ServerContext) async throws -> Empty {
        try await answer(context) {
            try await secrets.perform(caller: .bearer(of: request.token), context: context) { receipt in
                try await useCases.verifyEmail(token: request.token, receipt: receipt(Empty()))
                return Empty()
            }
        }
    }

    package func resendVerification(
        _ request: ResendVerificationRequest, context: ServerContext
    ) async throws -> Empty {
        try await answer(context) {
            try await secrets.perform(caller: .address(request.email), context: context) { receipt in
                try await useCases.resendVerification(email: request.email, receipt: receipt(Empty()))
                return Empty()
            }
        }
    }

    package func getMe(_ request: Empty, context: ServerContext) async throws -> Contracts.User {
        try await answer(context) {
            Contracts.User(try await useCases.getProfile(caller: Caller(context.metadata).userID))
        }
    }

    // MARK: Sessions

    package func login(_ request: LoginRequest, context: ServerContext) async throws -> SignIn {
        try await answer(context) {
            let client = ClientDescription(context.metadata)
            // Whose the key is shows the password, which is looked at, and counted, as for any other sign-in.
            let proven = try await useCases.login.prove(
                email: request.email, password: request.password, client: client)
            return try await secrets.perform(owner: proven.user.id, isGuarded: false, context: context) { receipt in
                SignIn(try await useCases.login.open(for: proven, client: client) { try receipt(SignIn($0)) })
            }
        }
    }

    package func refresh(_ request: RefreshRequest, context: ServerContext) async throws -> Tokens {
        try await answer(context) {
            guard SecretAnswers.isAskedFor(context.metadata) else {
                return Tokens(try await useCases.refresh(refreshToken: request.refreshToken))
            }
            return try await secrets.perform(caller: .bearer(of: request.refreshToken), context: context) { receipt in
                Tokens(
                    try await useCases.refresh(refreshToken: request.refreshToken) { try receipt(Tokens($0)) })
            }
        }
    }

    package func logout(_ request: Empty, context: ServerContext) async throws -> Empty {
        try await answer(context) {
            let caller = try Caller(repeating: context.metadata)
            return try await secrets.perform(caller: caller, isGuarded: false, context: context) { receipt in
                try await useCases.logout(
                    caller: caller.userID, sessionID: caller.sessionID, receipt: receipt(Empty()))
                return Empty()
            }
        }
    }

    package func listSessions(_ request: ListSessionsRequest, context: ServerContext) async throws -> SessionList {
        try await answer(context) {
            let caller = try Caller(context.metadata)
            let page = try await useCases.listSessions(
                caller: caller.userID, limit: request.limit, cursor: request.cursor)
            return SessionList(
                data: page.items.map { Contracts.Session($0, isCurrent: $0.id == caller.sessionID) },
                nextCursor: page.next?.text)
        }
    }

    package func getKeySet(_ request: Empty, context: ServerContext) async throws -> KeySet {
        try await answer(context) { KeySet(keys: try useCases.getKeySet().map(JsonWebKey.init(_:))) }
    }

    private func answer<Answer>(
        _ context: ServerContext, _ body: () async throws -> Answer
    ) async throws -> Answer {
        try await context.answerOrRefuse(logger: logger, body)
    }
}
