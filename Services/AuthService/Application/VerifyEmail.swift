import AuthDomain
package import Chronology
package import Idempotency
import Validation

/// Confirms that an address belongs to whoever registered it, by the token of the verification mail.
package struct VerifyEmail: Sendable {
    private let accounts: any AccountStore
    private let mint: any TokenMint
    private let clock: any WallClock

    package init(accounts: any AccountStore, mint: any TokenMint, clock: any WallClock) {
        self.accounts = accounts
        self.mint = mint
        self.clock = clock
    }

    /// - Parameter receipt: what is to be kept of the answer in the transaction of the effect.
    /// - Throws: `ValidationFailure` without a token, `AuthRefusal.invalidToken`, else the store's error.
    package func callAsFunction(token: String, receipt: IdempotencyReceipt? = nil) async throws {
        var validator = Validator()
        validator.require("token", token)
        try validator.check()
        guard let digest = mint.digest(of: token),
            try await accounts.confirmEmail(digest: digest, receipt: receipt, at: clock.now())
        else { throw AuthRefusal.invalidToken }
    }
}

/// Asks for the verification mail once more. Whether there is anything to send is not told: the request is kept the same
/// way for each address.
package struct ResendVerification: Sendable {
    private let requests: any AddressRequestStore
    private let mint: any TokenMint
    private let clock: any WallClock

    package init(requests: any AddressRequestStore, mint: any TokenMint, clock: any WallClock) {
        self.requests = requests
        self.mint = mint
        self.clock = clock
    }

    /// - Parameter receipt: what is to be kept of the answer in the transaction of the effect.
    /// - Throws: `ValidationFailure` for what is no address, else the store's error.
    package func callAsFunction(email: String, receipt: IdempotencyReceipt? = nil) async throws {
        var validator = Validator()
        let read = validator.email("email", email)
        let address = try validator.checked(read)
        let now = clock.now().truncatedToMilliseconds
        let ticket = try mint.verificationTicket(expiresAt: now + Lifetime.emailVerification)
        try await requests.keep(
            AddressRequest(wish: .verification(ticket), email: address, at: now), receipt: receipt)
    }
}

extension Validator {
    /// A field that must be there.
    mutating func require(_ field: String, _ value: String) {
        if value.isEmpty { fail(field, "required", "must not be empty") }
    }
}
