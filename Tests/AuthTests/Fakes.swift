import AuthApplication
import AuthDomain
import AuthTesting
import Chronology
import Synchronization

/// A clock that stands still until it is set.
final class TestClock: WallClock {
    private let time: Mutex<Timestamp>

    init(_ time: Timestamp = Timestamp(secondsSinceEpoch: 1_790_000_000)) { self.time = Mutex(time) }

    func now() -> Timestamp { time.withLock { $0 } }

    func advance(by interval: Duration) { time.withLock { $0 = $0 + interval } }
}

/// Passwords in the clear, with a count of the work asked for.
final class PlainPasswords: PasswordHashing {
    private let state = Mutex((work: 0, isOverloaded: false))

    /// How many hashes were computed.
    var work: Int { state.withLock { $0.work } }

    func overload() { state.withLock { $0.isOverloaded = true } }

    func hash(_ password: String) async throws -> String {
        try spend()
        return "new:\(password)"
    }

    func check(_ password: String, against hash: String?) async throws -> PasswordVerdict {
        try spend()
        switch hash {
        case "new:\(password)": return .right(replacement: nil)
        case "old:\(password)": return .right(replacement: "new:\(password)")
        default: return .wrong
        }
    }

    private func spend() throws {
        try state.withLock { state in
            if state.isOverloaded { throw AuthRefusal.overloaded }
            state.work += 1
        }
    }
}

/// Tokens `t1`, `t2`, … whose successors have a dash more.
final class NumberedMint: TokenMint {
    private let count = Mutex(0)

    func refreshToken() -> SecretToken { token(next()) }

    func opaqueToken() -> SecretToken { token(next()) }

    func successor(of text: String) -> SecretToken? { text.hasPrefix("t") ? token(text + "-") : nil }

    func digest(of text: String) -> [UInt8]? { text.hasPrefix("t") ? Array(text.utf8) : nil }

    func verificationTicket(expiresAt: Timestamp) throws -> VerificationTicket {
        let text = next()
        return VerificationTicket(digest: Array(text.utf8), sealedToken: text, expiresAt: expiresAt)
    }

    private func next() -> String {
        count.withLock { count in
            count += 1
            return "t\(count)"
        }
    }

    private func token(_ text: String) -> SecretToken { SecretToken(text: text, digest: Array(text.utf8)) }
}

/// Tokens that say what they are for.
final class ReadableAccessTokens: AccessTokens {
    private let keys: Mutex<[PublishedKey]>

    init(keys: [PublishedKey] = [PublishedKey(id: "k1", modulus: "bg", exponent: "AQAB")]) { self.keys = Mutex(keys) }

    func token(for grant: AccessGrant, at now: Timestamp) async throws -> String {
        guard !publishedKeys.isEmpty else { throw AuthRefusal.keysUnavailable }
        return "\(grant.userID) \(grant.sessionID) \(grant.roles.map(\.rawValue)) \(now)"
    }

    var publishedKeys: [PublishedKey] { keys.withLock { $0 } }

    func lose() { keys.withLock { $0 = [] } }
}

/// The use cases over fakes.
struct Bench {
    let store = InMemoryAuthStore()
    let clock = TestClock()
    let passwords = PlainPasswords()
    let throttle = MemoryAttemptThrottle()
    let mint = NumberedMint()
    let accessTokens = ReadableAccessTokens()

    var checks: ThrottledPasswords { ThrottledPasswords(passwords: passwords, throttle: throttle, clock: clock) }
    var register: Register { Register(accounts: store, passwords: passwords, mint: mint, clock: clock) }
    var verifyEmail: VerifyEmail { VerifyEmail(accounts: store, mint: mint, clock: clock) }
    var resend: ResendVerification { ResendVerification(requests: store, mint: mint, clock: clock) }
    var opening: SessionOpening {
        SessionOpening(sessions: store, challenges: store, mint: mint, accessTokens: accessTokens, clock: clock)
    }
    var login: Login {
        Login(accounts: store, requests: store, passwords: checks, opening: opening, clock: clock)
    }
    var refresh: Refresh { Refresh(sessions: store, mint: mint, accessTokens: accessTokens, clock: clock) }
    var changePassword: ChangePassword {
        ChangePassword(store: store, passwords: passwords, checks: checks, clock: clock)
    }
    var forgotPassword: ForgotPassword { ForgotPassword(requests: store, mint: mint, clock: clock) }
    var resetPassword: ResetPassword {
        ResetPassword(store: store, passwords: passwords, mint: mint, clock: clock)
    }
    var revokeSessions: RevokeSessions { RevokeSessions(sessions: store, clock: clock) }
    var answerRequests: AnswerAddressRequests {
        AnswerAddressRequests(requests: store, accounts: store, passwords: store, clock: clock)
    }
    var logout: Logout { Logout(sessions: store, clock: clock) }
    var listSessions: ListSessions { ListSessions(sessions: store, clock: clock) }

    static let email = "Ada@example.org"
    static let password = "correct horse"

    /// Registers Ada; her ticket's token is `t1`.
    func registered() async throws -> User {
        try await register(
            RegistrationRequest(email: Self.email, password: Self.password, displayName: "Ada")
        ) { _ in nil }
    }

    func loggedIn(device: String = "curl") async throws -> IssuedTokens {
        let outcome = try await login(
            email: Self.email, password: Self.password,
            client: ClientDescription(device: device, address: "127.0.0.1"))
        guard case .tokens(let tokens) = outcome else { throw AuthRefusal.invalidCredentials }
        return tokens
    }

    func events(of user: User) -> [String] { store.events(of: user.id).map(\.name) }
}

let firstEvents = ["auth.user_registered", "auth.email_verification_requested"]

extension Login {
    /// Both halves.
    func callAsFunction(email: String, password: String, client: ClientDescription) async throws -> SignInOutcome {
        try await open(for: prove(email: email, password: password, client: client), client: client) { _ in nil }
    }
}
