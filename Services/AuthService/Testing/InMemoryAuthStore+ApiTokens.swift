package import AuthApplication
package import AuthDomain
package import Chronology
package import Idempotency
package import Validation

extension InMemoryAuthStore: ApiTokenStore {
    package func add(
        _ token: ApiToken, digest: [UInt8], receipt: IdempotencyReceipt?
    ) async throws -> ApiTokenAddition {
        state.withLock { state in
            guard state.credentials[token.userID] != nil else { return .unknownUser }
            let present = state.apiTokens.values.count {
                $0.userID == token.userID && $0.isGood(at: token.createdAt)
            }
            guard present < ApiToken.limit else { return .tooMany }
            state.apiTokens[digest] = token
            state.keep(receipt)
            state.tell("auth.api_token_created", of: token.userID)
            return .added
        }
    }

    package func apiTokens(of userID: UUIDv7, _ page: PageRequest, at now: Timestamp) async throws -> Page<ApiToken> {
        let after = try page.after.map { try UUIDv7(parsing: $0.keys[0]) }
        let found = state.withLock { state in
            state.apiTokens.values
                .filter { $0.userID == userID && $0.isGood(at: now) }
                .filter { token in after.map { token.id < $0 } ?? true }
                .sorted { $0.id > $1.id }
        }
        return Page(Array(found.prefix(page.limit + 1)), limit: page.limit) { PageCursor([$0.id.description]) }
    }

    package func revokeApiToken(
        _ id: UUIDv7, of userID: UUIDv7, receipt: IdempotencyReceipt?, at now: Timestamp
    ) async throws -> Bool {
        state.withLock { state in
            guard state.endApiTokens(of: userID, only: id) else { return false }
            state.keep(receipt)
            return true
        }
    }

    package func bearer(of digest: [UInt8], at now: Timestamp) async throws -> ApiTokenBearer? {
        state.withLock { state in
            guard let token = state.apiTokens[digest], token.isGood(at: now),
                let user = state.credentials[token.userID]?.user, user.status == .active
            else { return nil }
            if token.lastUsedAt.map({ $0 < now - ApiToken.useInterval }) ?? true {
                state.apiTokens[digest] = token.used(at: now)
            }
            return ApiTokenBearer(
                tokenID: token.id, userID: user.id, roles: user.roles, scopes: token.scopes,
                expiresAt: token.expiresAt)
        }
    }
}

extension InMemoryAuthStore.State {
    /// Ends the one token, or all of a user; whether there was any.
    mutating func endApiTokens(of userID: UUIDv7, only id: UUIDv7? = nil) -> Bool {
        let ending = apiTokens.filter { $0.value.userID == userID && (id == nil || $0.value.id == id) }
        for digest in ending.keys { apiTokens[digest] = nil }
        if !ending.isEmpty { tell("auth.api_token_revoked", of: userID) }
        return !ending.isEmpty
    }
}

extension ApiToken {
    fileprivate func isGood(at now: Timestamp) -> Bool { expiresAt.map { $0 > now } ?? true }

    fileprivate func used(at now: Timestamp) -> ApiToken {
        ApiToken(
            id: id, userID: userID, name: name, scopes: scopes, expiresAt: expiresAt, lastUsedAt: now,
            createdAt: createdAt)
    }
}
