import AuthApplication
import AuthDomain
import Contracts
import ServiceRuntime

extension RegistrationRequest {
    init(_ request: RegisterRequest) {
        self.init(
            email: request.email, password: request.password, displayName: request.displayName,
            baseCurrency: request.baseCurrency, locale: request.locale)
    }
}

extension Contracts.User {
    init(_ user: AuthDomain.User) {
        self.init(
            id: user.id.description, email: user.email.text, displayName: user.displayName,
            baseCurrency: user.baseCurrency.code, locale: user.locale, timeZone: user.timeZone,
            emailVerified: user.emailVerified, roles: user.roles.map(\.rawValue), mfaEnabled: user.mfaEnabled,
            version: user.version, createdAt: user.createdAt.description, updatedAt: user.updatedAt.description)
    }
}

extension Tokens {
    init(_ tokens: IssuedTokens) {
        self.init(
            accessToken: tokens.accessToken, tokenType: "Bearer", expiresIn: tokens.accessLifetime.components.seconds,
            refreshToken: tokens.refreshToken, refreshExpiresIn: tokens.refreshLifetime.components.seconds,
            sessionID: tokens.sessionID.description)
    }
}

extension SignIn {
    init(_ outcome: SignInOutcome) {
        switch outcome {
        case .tokens(let tokens): self.init(tokens)
        case .secondFactorRequired(let challenge):
            self.init(mfaRequired: true, mfaChallenge: challenge, methods: SecondFactor.allCases.map(\.rawValue))
        }
    }

    init(_ tokens: IssuedTokens) {
        self.init(
            accessToken: tokens.accessToken, tokenType: "Bearer", expiresIn: tokens.accessLifetime.components.seconds,
            refreshToken: tokens.refreshToken, refreshExpiresIn: tokens.refreshLifetime.components.seconds,
            sessionID: tokens.sessionID.description)
    }
}

extension Contracts.Session {
    init(_ session: AuthDomain.Session, isCurrent: Bool) {
        self.init(
            id: session.id.description, device: session.device, ip: session.address,
            createdAt: session.createdAt.description, lastUsedAt: session.lastUsedAt.description, current: isCurrent)
    }
}

extension JsonWebKey {
    init(_ key: PublishedKey) {
        self.init(kty: "RSA", kid: key.id, use: "sig", alg: "RS256", n: key.modulus, e: key.exponent)
    }
}

extension ProblemDetails {
    init(_ refusal: AuthRefusal) {
        switch refusal {
        case .invalidCredentials:
            self.init(code: "invalid_credentials", status: 401, detail: "The address or the password is wrong.")
        case .wrongPassword: self = .forbidden("wrong_password", "The current password is wrong.")
        case .unknownSession: self = .notFound("There is no such session.")
        case .accountLocked: self = .forbidden("account_locked", "The account is locked.")
        case .noPassword:
            self = .forbidden("no_password", "The account has no password; POST /v1/auth/password/forgot sets one.")
        case .unknownProvider: self = .notFound("There is no such identity provider.")
        case .invalidIDToken:
            self.init(code: "invalid_id_token", status: 401, detail: "The ID token is not valid here and now.")
        case .providerUnavailable:
            self = .unavailable(
                "identity_provider_unavailable", "The identity provider does not answer at present.", retryAfter: 5)
        case .emailNotVerified:
            self = .forbidden("email_not_verified", "The identity provider does not vouch for the e-mail address.")
        case .addressUnconfirmed:
            self = .conflict(
                "email_unconfirmed",
                "An account of this address exists that nobody has confirmed: confirm it, or reset its password.")
        case .unknownErasure: self = .notFound("There is no such erasure.")
        case .invalidToken: self = .badRequest("invalid_token", "The token is unknown, used or expired.")
        case .invalidRefreshToken:
            self.init(
                code: "invalid_refresh_token", status: 401,
                detail: "The refresh token is unknown or expired, or its session has ended.")
        case .noSession: self = .forbidden("no_session", "The token does not belong to a session.")
        case .invalidChallenge:
            self.init(
                code: "invalid_mfa_challenge", status: 401, detail: "The challenge is unknown or over. Sign in again.")
        case .wrongCode:
            self.init(code: "invalid_mfa_code", status: 401, detail: "The code is wrong or was used before.")
        case .mfaEnabled: self = .conflict("mfa_enabled", "The account has a second factor already.")
        case .mfaNotEnabled: self = .conflict("mfa_not_enabled", "The account has no second factor.")
        case .noPendingTotp: self = .conflict("mfa_not_begun", "No secret waits for a first code. Ask for a new one.")
        case .tooManyAttempts(let delay):
            self.init(
                code: "too_many_attempts", status: 429, detail: "There were too many wrong attempts.",
                retryAfter: max(1, Int(delay.components.seconds) + 1))
        case .unknownApiToken: self = .notFound("There is no such API token.")
        case .tooManyApiTokens:
            self = .conflict("too_many_api_tokens", "At most \(AuthDomain.ApiToken.limit) API tokens; end one first.")
        case .notAdministrator: self = .forbidden("forbidden", "This is for administrators.")
        case .noSuchAccount: self = .notFound("There is no such account.")
        case .lastAdministrator: self = .conflict("last_administrator", "Nobody would be left to administer accounts.")
        case .unknownUser: self = .unauthenticated("The account does not exist.")
        case .overloaded: self = .unavailable("overloaded", "Too many requests of this kind at present.")
        case .keysUnavailable: self = .unavailable("keys_unavailable", "There is no signing key at present.")
        }
    }
}
