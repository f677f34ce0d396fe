/// What a sign-in can be finished with, where the account has a second factor.
package enum SecondFactor: String, Sendable, CaseIterable {
    /// A code of an authenticator (RFC 6238).
    case totp
    /// One of the codes that were given out with the authenticator's secret.
    case recoveryCode = "recovery_code"
}
