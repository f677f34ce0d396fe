package import Chronology
package import Idempotency
import AuthDomain
import Validation

/// Asks for the mail with which a password can be reset. Whether the address has an account is not told: the request is
/// kept the same way for each.
package struct ForgotPassword: Sendable {
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
        let ticket = try mint.verificationTicket(expiresAt: now + Lifetime.passwordReset)
        try await requests.keep(
            AddressRequest(wish: .passwordReset(ticket), email: address, at: now), receipt: receipt)
    }
}
