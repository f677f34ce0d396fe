package import AuthDomain
package import Chronology
package import Idempotency

/// What somebody who is not signed in asks of an address. The answer is given before anybody looks whether the address
/// has an account, so that neither its bytes nor its time can tell.
package struct AddressRequest: Sendable, Hashable {
    /// What is asked for.
    package enum Wish: Sendable, Hashable {
        /// The verification mail once more.
        case verification(VerificationTicket)
        /// The mail with which the password can be reset.
        case passwordReset(VerificationTicket)
        /// Another account; the owner of the one that there is will be told.
        case registration
        /// Nothing; but a wrong password was given, which the owner's audit trail is to show.
        case noticeOfFailure(device: String)
    }

    package let id: UUIDv7
    package let wish: Wish
    package let email: EmailAddress
    package let requestedAt: Timestamp

    package init(id: UUIDv7 = .make(), wish: Wish, email: EmailAddress, at requestedAt: Timestamp) {
        self.id = id
        self.wish = wish
        self.email = email
        self.requestedAt = requestedAt
    }
}

/// Where requests wait for the little time until they are looked at.
///
/// Each method throws the store's own error; retriable ones mean that it is away.
package protocol AddressRequestStore: Sendable {
    /// Keeps a request; the same work for every address.
    func keep(_ request: AddressRequest, receipt: IdempotencyReceipt?) async throws

    /// Hands the oldest requests to `body`, in the context in which they came, and forgets each that it has returned from.
    /// A request that `body` throws for is handed over again the next time, until it is an hour old.
    ///
    /// - Returns: how many there were.
    /// - Throws: what `body` threw first.
    func handOver(
        atMost count: Int, at now: Timestamp, _ body: (AddressRequest) async throws -> Void
    ) async throws -> Int

    /// Tells the owner of an address that somebody registered it again: `registration_repeated`.
    ///
    /// - Returns: false where there is no such account, or it was told within `RepeatedRegistrationLimit.interval`; then
    ///   nothing happens.
    func tellOfRegistration(of email: EmailAddress, at now: Timestamp) async throws -> Bool

    /// Tells that a sign-in with an address failed: `login_failed`.
    ///
    /// - Returns: false where there is no such account, or one was told of within `FailedLoginLimit.interval`; then nothing
    ///   happens.
    func tellOfFailedLogin(to email: EmailAddress, device: String, at now: Timestamp) async throws -> Bool
}

/// Does what the kept requests ask for, as far as there are accounts. Doing it twice tells nobody twice.
package struct AnswerAddressRequests: Sendable {
    /// How many requests are looked at in one go.
    package static let batch = 64

    private let requests: any AddressRequestStore
    private let accounts: any AccountStore
    private let passwords: any PasswordStore
    private let clock: any WallClock

    package init(
        requests: any AddressRequestStore, accounts: any AccountStore, passwords: any PasswordStore,
        clock: any WallClock
    ) {
        self.requests = requests
        self.accounts = accounts
        self.passwords = passwords
        self.clock = clock
    }

    /// Looks at what waits.
    ///
    /// - Throws: the store's error; what was not done then waits on.
    package func callAsFunction() async throws {
        let now = clock.now().truncatedToMilliseconds
        var count = Self.batch
        while count == Self.batch, !Task.isCancelled {
            count = try await requests.handOver(atMost: Self.batch, at: now) { try await answer($0, at: now) }
        }
    }

    private func answer(_ request: AddressRequest, at now: Timestamp) async throws {
        switch request.wish {
        case .verification(let ticket):
            _ = try await accounts.requestVerification(of: request.email, ticket, at: now)
        case .passwordReset(let ticket):
            _ = try await passwords.requestPasswordReset(of: request.email, ticket, at: now)
        case .noticeOfFailure(let device):
            _ = try await requests.tellOfFailedLogin(to: request.email, device: device, at: request.requestedAt)
        case .registration: _ = try await requests.tellOfRegistration(of: request.email, at: now)
        }
    }
}
