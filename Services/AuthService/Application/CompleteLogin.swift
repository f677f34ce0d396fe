import AuthDomain
package import Chronology
package import Idempotency
import Validation

/// Finishes a sign-in that asked for the second factor.
package struct CompleteLogin: Sendable {
    private let factors: any MfaStore
    private let oneTimePasswords: any OneTimePasswords
    private let opening: SessionOpening
    private let mint: any TokenMint
    private let clock: any WallClock

    package init(
        factors: any MfaStore, oneTimePasswords: any OneTimePasswords, opening: SessionOpening, mint: any TokenMint,
        clock: any WallClock
    ) {
        self.factors = factors
        self.oneTimePasswords = oneTimePasswords
        self.opening = opening
        self.mint = mint
        self.clock = clock
    }

    /// - Parameter receipt: what is to be kept of the answer in the transaction of the effect.
    /// - Throws: `ValidationFailure` for what is missing, `AuthRefusal`, else the store's error.
    package func callAsFunction(
        challenge: String, code: String, client: ClientDescription,
        receipt: (IssuedTokens) throws -> IdempotencyReceipt? = { _ in nil }
    ) async throws -> IssuedTokens {
        var validator = Validator()
        validator.require("mfa_challenge", challenge)
        validator.require("code", code)
        try validator.check()
        guard let digest = mint.digest(of: challenge) else { throw AuthRefusal.invalidChallenge }
        let now = clock.now().truncatedToMilliseconds
        let typed = TypedCode(code)
        switch try await factors.attempt(typed.factor, with: digest, at: now) {
        case nil: throw AuthRefusal.invalidChallenge
        case .blocked(let end): throw AuthRefusal.tooManyAttempts(retryAfter: end - now)
        case .allowed(let userID, let roles, let sealedSecret):
            guard let proof = try proof(typed, sealedSecret, at: now) else { throw AuthRefusal.wrongCode }
            let prepared = try await opening.prepare(for: userID, roles: roles, client: client, at: now)
            let isOpen = try await factors.finish(
                digest, with: proof, opening: prepared.session, refreshToken: prepared.refreshToken,
                receipt: receipt(prepared.tokens))
            guard isOpen else { throw AuthRefusal.wrongCode }
            return prepared.tokens
        }
    }

    private func proof(_ typed: TypedCode, _ sealedSecret: [UInt8], at now: Timestamp) throws -> MfaProof? {
        switch typed {
        case .totp(let digits):
            try oneTimePasswords.step(of: digits, sealedSecret: sealedSecret, at: now).map { .totp(step: $0) }
        case .recoveryCode(let code): .recoveryCode(digest: oneTimePasswords.digest(of: code))
        case .malformed: nil
        }
    }
}

extension TypedCode {
    /// Whose limits an attempt counts against: what has not the form of an authenticator's code guesses none.
    fileprivate var factor: SecondFactor {
        if case .totp = self { .totp } else { .recoveryCode }
    }
}
