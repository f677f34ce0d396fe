package import AuthDomain
package import Chronology
package import Idempotency
package import Validation

/// What became of a new token.
package enum ApiTokenAddition: Sendable, Hashable {
    case added
    /// The user has `ApiToken.limit` of them.
    case tooMany
    case unknownUser
}

/// Who bears a personal API token.
package struct ApiTokenBearer: Sendable, Hashable {
    package let tokenID: UUIDv7
    package let userID: UUIDv7
    package let roles: [Role]
    package let scopes: [Scope]
    package let expiresAt: Timestamp?

    package init(tokenID: UUIDv7, userID: UUIDv7, roles: [Role], scopes: [Scope], expiresAt: Timestamp?) {
        self.tokenID = tokenID
        self.userID = userID
        self.roles = roles
        self.scopes = scopes
        self.expiresAt = expiresAt
    }
}

/// Where personal API tokens are kept: never themselves, only their SHA-256.
///
/// Every change is one transaction with its events. Each method throws the store's own error; retriable ones mean that it
/// is away.
package protocol ApiTokenStore: Sendable {
    /// Keeps a token and tells of it: `api_token_created`. Of concurrent calls no more succeed than the limit allows.
    func add(
        _ token: ApiToken, digest: [UInt8], receipt: IdempotencyReceipt?
    ) async throws -> ApiTokenAddition

    /// The user's tokens that have not run out, newest first; the cursor's only key is the id.
    func apiTokens(of userID: UUIDv7, _ page: PageRequest, at now: Timestamp) async throws -> Page<ApiToken>

    /// Ends a token and tells of it: `api_token_revoked`.
    ///
    /// - Returns: false where the user has no such token; then nothing happens.
    func revokeApiToken(
        _ id: UUIDv7, of userID: UUIDv7, receipt: IdempotencyReceipt?, at now: Timestamp
    ) async throws -> Bool

    /// Who bears the token with this digest, and notes its use; nil where there is none, it has run out, or its owner is
    /// locked.
    func bearer(of digest: [UInt8], at now: Timestamp) async throws -> ApiTokenBearer?
}
