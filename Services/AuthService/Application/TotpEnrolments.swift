package import AuthDomain
package import Chronology
package import Idempotency
import Validation

/// Gives out the secret of an authenticator, to whoever proves with the password that the account is theirs.
package struct BeginTotp: Sendable {
    private let confirmPassword: ConfirmPassword
    private let factors: any MfaStore
    private let oneTimePasswords: any OneTimePasswords
    private let clock: any WallClock

    package init(
        confirmPassword: ConfirmPassword, factors: any MfaStore, oneTimePasswords: any OneTimePasswords,
        clock: any WallClock
    ) {
        self.confirmPassword = confirmPassword
        self.factors = factors
        self.oneTimePasswords = oneTimePasswords
        self.clock = clock
    }

    /// - Parameter receipt: what is to be kept of the answer in the transaction of the effect.
    /// - Throws: what `ConfirmPassword` throws, `AuthRefusal.mfaEnabled`, else the store's error.
    package func callAsFunction(
        caller: UUIDv7, password: String, receipt: (TotpEnrolment) throws -> IdempotencyReceipt?
    ) async throws -> TotpEnrolment {
        let user = try await confirmPassword(caller: caller, password: password)
        let secret = oneTimePasswords.newSecret()
        let enrolment = TotpEnrolment(secret: secret.text, email: user.email)
        let pending = PendingTotp(sealedSecret: secret.sealed, createdAt: clock.now().truncatedToMilliseconds)
        guard try await factors.begin(pending, of: caller, receipt: receipt(enrolment)) else {
            throw AuthRefusal.mfaEnabled
        }
        return enrolment
    }
}

/// Turns the second factor on, when a first code shows that the authenticator has the secret.
package struct ConfirmTotp: Sendable {
    private let factors: any MfaStore
    private let oneTimePasswords: any OneTimePasswords
    private let clock: any WallClock

    package init(factors: any MfaStore, oneTimePasswords: any OneTimePasswords, clock: any WallClock) {
        self.factors = factors
        self.oneTimePasswords = oneTimePasswords
        self.clock = clock
    }

    /// - Parameter receipt: what is to be kept of the answer in the transaction of the effect.
    /// - Returns: the recovery codes, which are told this once.
    /// - Throws: `ValidationFailure` for a wrong code, `AuthRefusal.noPendingTotp`, else the store's error.
    package func callAsFunction(
        caller: UUIDv7, code: String, receipt: ([String]) throws -> IdempotencyReceipt?
    ) async throws -> [String] {
        var validator = Validator()
        validator.require("code", code)
        try validator.check()
        let now = clock.now().truncatedToMilliseconds
        guard let pending = try await factors.pendingTotp(of: caller),
            now < pending.createdAt + TotpEnrolment.lifetime
        else { throw AuthRefusal.noPendingTotp }
        guard case .totp(let digits) = TypedCode(code),
            let step = try oneTimePasswords.step(of: digits, sealedSecret: pending.sealedSecret, at: now)
        else {
            throw ValidationFailure(
                field: "code", code: "wrong_code", message: "must be the authenticator's present code")
        }
        let codes = oneTimePasswords.newRecoveryCodes()
        let texts = codes.map(\.text)
        let isOn = try await factors.confirm(
            pending, of: caller, step: step, recoveryCodes: codes.map(\.digest), receipt: receipt(texts), at: now)
        guard isOn else { throw AuthRefusal.noPendingTotp }
        return texts
    }
}

/// Turns the second factor off, for whoever knows the password.
package struct RemoveTotp: Sendable {
    private let confirmPassword: ConfirmPassword
    private let factors: any MfaStore
    private let clock: any WallClock

    package init(confirmPassword: ConfirmPassword, factors: any MfaStore, clock: any WallClock) {
        self.confirmPassword = confirmPassword
        self.factors = factors
        self.clock = clock
    }

    /// - Parameter receipt: what is to be kept of the answer in the transaction of the effect.
    /// - Throws: what `ConfirmPassword` throws, `AuthRefusal.mfaNotEnabled`, else the store's error.
    package func callAsFunction(
        caller: UUIDv7, password: String, receipt: IdempotencyReceipt? = nil
    ) async throws {
        _ = try await confirmPassword(caller: caller, password: password)
        let isDone = try await factors.removeTotp(
            of: caller, receipt: receipt, at: clock.now().truncatedToMilliseconds)
        guard isDone else { throw AuthRefusal.mfaNotEnabled }
    }
}

/// Gives out new recovery codes in the place of those before, to whoever knows the password.
package struct ReplaceRecoveryCodes: Sendable {
    private let confirmPassword: ConfirmPassword
    private let factors: any MfaStore
    private let oneTimePasswords: any OneTimePasswords
    private let clock: any WallClock

    package init(
        confirmPassword: ConfirmPassword, factors: any MfaStore, oneTimePasswords: any OneTimePasswords,
        clock: any WallClock
    ) {
        self.confirmPassword = confirmPassword
        self.factors = factors
        self.oneTimePasswords = oneTimePasswords
        self.clock = clock
    }

    /// - Parameter receipt: what is to be kept of the answer in the transaction of the effect.
    /// - Throws: what `ConfirmPassword` throws, `AuthRefusal.mfaNotEnabled`, else the store's error.
    package func callAsFunction(
        caller: UUIDv7, password: String, receipt: ([String]) throws -> IdempotencyReceipt?
    ) async throws -> [String] {
        _ = try await confirmPassword(caller: caller, password: password)
        let codes = oneTimePasswords.newRecoveryCodes()
        let texts = codes.map(\.text)
        let isDone = try await factors.replaceRecoveryCodes(
            of: caller, with: codes.map(\.digest), receipt: receipt(texts), at: clock.now().truncatedToMilliseconds)
        guard isDone else { throw AuthRefusal.mfaNotEnabled }
        return texts
    }
}
