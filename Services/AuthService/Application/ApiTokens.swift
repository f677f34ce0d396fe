package import AuthDomain
package import Chronology
package import Idempotency
package import Validation

/// Makes personal API tokens.
package protocol ApiTokenMint: Sendable {
    /// A new token.
    func apiToken() -> SecretToken

    /// What is kept of a token; nil where `text` is none.
    func digest(ofApiToken text: String) -> [UInt8]?
}

/// Makes a personal API token for the caller.
package struct CreateApiToken: Sendable {
    private let store: any ApiTokenStore
    private let mint: any ApiTokenMint
    private let clock: any WallClock

    package init(store: any ApiTokenStore, mint: any ApiTokenMint, clock: any WallClock) {
        self.store = store
        self.mint = mint
        self.clock = clock
    }

    /// - Parameter receipt: what is to be kept of the answer in the transaction of the effect.
    /// - Returns: the token with its text, which is told this once.
    /// - Throws: `ValidationFailure`, `AuthRefusal.tooManyApiTokens`, `AuthRefusal.unknownUser`, else the store's error.
    package func callAsFunction(
        caller: UUIDv7, name: String, scopes: [String], expiresAt: String?,
        receipt: (ApiToken, String) throws -> IdempotencyReceipt?
    ) async throws -> (token: ApiToken, text: String) {
        let token = try ApiToken(
            for: caller, name: name, scopes: scopes, expiresAt: expiresAt, at: clock.now().truncatedToMilliseconds)
        let secret = mint.apiToken()
        switch try await store.add(token, digest: secret.digest, receipt: receipt(token, secret.text)) {
        case .added: return (token, secret.text)
        case .tooMany: throw AuthRefusal.tooManyApiTokens
        case .unknownUser: throw AuthRefusal.unknownUser
        }
    }
}

/// Lists the caller's personal API tokens, newest first.
package struct ListApiTokens: Sendable {
    private let store: any ApiTokenStore
    private let clock: any WallClock

    package init(store: any ApiTokenStore, clock: any WallClock) {
        self.store = store
        self.clock = clock
    }

    /// - Throws: `ValidationFailure` for `limit` or `cursor`, else the store's error.
    package func callAsFunction(caller: UUIDv7, limit: Int64?, cursor: String?) async throws -> Page<ApiToken> {
        var validator = Validator()
        let page = validator.page(limit: limit, cursor: cursor, keyCount: 1)
        if let key = page?.after?.keys.first, (try? UUIDv7(parsing: key)) == nil {
            validator.fail("cursor", "invalid_cursor", "must be a next_cursor of this list")
        }
        return try await store.apiTokens(of: caller, validator.checked(page), at: clock.now())
    }
}

/// Ends one of the caller's personal API tokens.
package struct RevokeApiToken: Sendable {
    private let store: any ApiTokenStore
    private let clock: any WallClock

    package init(store: any ApiTokenStore, clock: any WallClock) {
        self.store = store
        self.clock = clock
    }

    /// - Throws: `AuthRefusal.unknownApiToken`, else the store's error.
    package func callAsFunction(caller: UUIDv7, id: String, receipt: IdempotencyReceipt?) async throws {
        guard let id = try? UUIDv7(parsing: id),
            try await store.revokeApiToken(
                id, of: caller, receipt: receipt, at: clock.now().truncatedToMilliseconds)
        else { throw AuthRefusal.unknownApiToken }
    }
}

/// Finds out who bears a personal API token.
package struct ResolveApiToken: Sendable {
    private let store: any ApiTokenStore
    private let mint: any ApiTokenMint
    private let clock: any WallClock

    package init(store: any ApiTokenStore, mint: any ApiTokenMint, clock: any WallClock) {
        self.store = store
        self.mint = mint
        self.clock = clock
    }

    /// - Throws: `AuthRefusal.unknownApiToken`, else the store's error.
    package func callAsFunction(_ text: String) async throws -> ApiTokenBearer {
        guard let digest = mint.digest(ofApiToken: text),
            let bearer = try await store.bearer(of: digest, at: clock.now().truncatedToMilliseconds)
        else { throw AuthRefusal.unknownApiToken }
        return bearer
    }
}
