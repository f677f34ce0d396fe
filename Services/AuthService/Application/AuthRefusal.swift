/// Why a request about accounts and sessions is refused, beside broken rules of its fields.
package enum AuthRefusal: Error, Sendable, Hashable {
    /// Address or password are wrong; which of them is nobody's business.
    case invalidCredentials
    /// The password with which the caller was to prove who they are is wrong.
    case wrongPassword
    /// The caller has no such session that goes on.
    case unknownSession
    /// Address and password are right, and the account is locked.
    case accountLocked
    /// The caller's account has no password that could be asked for.
    case noPassword
    /// No issuer is configured under this name.
    case unknownProvider
    /// The ID token is none of the issuer's for us that is valid now.
    case invalidIDToken
    /// The issuer does not answer, and nothing is known of its keys.
    case providerUnavailable
    /// The issuer does not vouch for the address of somebody who is new here.
    case emailNotVerified
    /// There is an account of the address whose owner has not confirmed it.
    case addressUnconfirmed
    /// There is no erasure of this name.
    case unknownErasure
    /// The one-time token is unknown, used or expired.
    case invalidToken
    /// The refresh token is unknown, expired, or its session has ended.
    case invalidRefreshToken
    /// The caller has no session that could be ended: a personal API token.
    case noSession
    /// A code is wanted for a challenge that is unknown, expired, used, or has had too many wrong ones.
    case invalidChallenge
    /// The code of the second factor is wrong or was used before.
    case wrongCode
    /// The account has a second factor already.
    case mfaEnabled
    /// The account has no second factor.
    case mfaNotEnabled
    /// No secret waits for its first code.
    case noPendingTotp
    /// There were too many wrong attempts; the next one is looked at after this time.
    case tooManyAttempts(retryAfter: Duration)
    /// There is no such personal API token.
    case unknownApiToken
    /// The caller has as many personal API tokens as may be.
    case tooManyApiTokens
    /// The caller is no administrator.
    case notAdministrator
    /// There is no account of that identifier.
    case noSuchAccount
    /// There would be no administrator left.
    case lastAdministrator
    /// The caller's account is gone.
    case unknownUser
    /// There is more work of this kind than can be done now.
    case overloaded
    /// There is no key to sign with yet.
    case keysUnavailable
}
