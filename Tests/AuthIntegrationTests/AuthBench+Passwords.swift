import AuthApplication
import AuthInfrastructure
import CloudEvents
import Contracts
import GRPC
import Secrets
import Synchronization
import Testing

extension AuthBench {
    var passwords: PasswordServiceClient { PasswordServiceClient(channel: channel) }
    var sessions: SessionServiceClient { SessionServiceClient(channel: channel) }

    /// Has the service look at the requests that wait.
    func answerRequests() async throws {
        try await AnswerAddressRequests(
            requests: repository, accounts: repository, passwords: repository, clock: clock)()
    }

    /// Asks for a reset and takes the token out of the event of the mail.
    func resetToken(of user: String, _ email: String) async throws -> String {
        _ = try await passwords.forgotPassword(ForgotPasswordRequest(email: email), timeout: patience)
        try await answerRequests()
        let event = try #require(try await events(of: user).last { $0.type == PasswordResetRequestedV1.type })
        let payload = try PasswordResetRequestedV1(decoding: try #require(event.jsonData))
        return String(
            decoding: try SealedBox.open(Base64URL.decode(payload.sealedToken), with: sealKey), as: UTF8.self)
    }
}

/// Counts what is hashed.
final class CountedPasswords: PasswordHashing {
    private let inner: any PasswordHashing
    private let count = Mutex(0)

    init(_ inner: any PasswordHashing) { self.inner = inner }

    /// How many hashes were computed.
    var hashes: Int { count.withLock { $0 } }

    func hash(_ password: String) async throws -> String {
        count.withLock { $0 += 1 }
        return try await inner.hash(password)
    }

    func check(_ password: String, against hash: String?) async throws -> PasswordVerdict {
        count.withLock { $0 += 1 }
        return try await inner.check(password, against: hash)
    }
}
