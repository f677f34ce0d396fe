package import Chronology
internal import Contracts
internal import HTTPServer
internal import Synchronization
internal import Tokens

/// Finds out who makes a request.
package final class Authenticator: Sendable {
    /// How far the clocks of the auth service and this machine may differ.
    private static let leeway = Duration.seconds(30)

    private let keys: AccessKeys
    private let revocations: Revocations
    private let changes: AccessChanges
    private let apiTokens: ApiTokens
    private let verifier: JWTVerifier
    private let clock: any WallClock
    private let verified = Mutex(VerifiedTokens(capacity: 4096))

    /// - Parameter issuer: the `iss` of the tokens: the public address.
    package init(
        keys: AccessKeys, revocations: Revocations, changes: AccessChanges, apiTokens: ApiTokens, issuer: String,
        clock: any WallClock = SystemClock()
    ) {
        self.keys = keys
        self.revocations = revocations
        self.changes = changes
        self.apiTokens = apiTokens
        self.clock = clock
        verifier = JWTVerifier(keys: keys.keySet, issuer: issuer, leeway: Self.leeway, clock: clock)
    }

    /// The bearer of a token that is valid now.
    ///
    /// - Throws: 401 for any other token, 503 while it cannot be told.
    package func bearer(of token: String) async throws(Refusal) -> Bearer {
        if ApiTokens.isMeant(token) { return try await apiTokens.bearer(of: token) }
        let generation = keys.generation
        let known = verified.withLock { $0.claims(of: token, generation: generation) }
        let claims: AccessTokenClaims
        if let known, clock.now() < known.identity.expiresAt + Self.leeway {
            claims = known
        } else {
            claims = try await verify(token)
            verified.withLock { $0.add(token, claims, generation: generation) }
        }
        guard !revocations.contains(claims.identity.sessionID) else {
            throw .unauthenticated(.invalidAccessToken, "The session has ended.")
        }
        guard !changes.refuses(claims.identity, issuedAt: claims.issuedAt) else {
            throw .unauthenticated(.invalidAccessToken, "The account was changed. Refresh the token.")
        }
        return Bearer(identity: claims.identity, kind: .session(issuedAt: claims.issuedAt))
    }

    /// Whether the token is valid as far as can be told at once, without asking the auth service.
    package func isKnown(_ token: String) -> Bool {
        do throws(TokenError) {
            let claims = try verifier.verify(token)
            return !revocations.contains(claims.identity.sessionID)
                && !changes.refuses(claims.identity, issuedAt: claims.issuedAt)
        } catch {
            return false
        }
    }

    private func verify(_ token: String) async throws(Refusal) -> AccessTokenClaims {
        guard keys.generation > 0 else { throw .unavailable("auth") }
        do throws(TokenError) {
            return try verifier.verify(token)
        } catch {
            guard error.code == .unknownKey else { throw Self.refusal(error) }
        }
        guard await keys.fetchForUnknownKey() else { throw Self.refusal(nil) }
        do throws(TokenError) {
            return try verifier.verify(token)
        } catch {
            throw Self.refusal(error)
        }
    }

    private static func refusal(_ error: TokenError?) -> Refusal {
        let detail = error?.code == .expired ? "The token has expired." : ""
        return .unauthenticated(.invalidAccessToken, detail)
    }
}

extension Authenticator {
    /// Who makes the request, where the endpoint asks for that.
    ///
    /// - Throws: 401 without a valid token, 503 while none can be verified.
    func admit(_ request: HTTPRequest, to endpoint: Endpoint) async throws(Refusal) -> Bearer? {
        guard endpoint.access != .anyone else { return nil }
        switch Credentials(request.headers) {
        case .none: throw .unauthenticated(.unauthenticated, "Sign in first.")
        case .malformed: throw .unauthenticated(.invalidAccessToken, "Expected one bearer token.")
        case .bearer(let token): return try await bearer(of: token)
        }
    }

    /// Refuses a bearer whose token or role is not enough, 403. What names no scope is for those who signed in: a personal API
    /// token is for what its owner chose, and nothing else.
    static func authorize(_ bearer: Bearer, for endpoint: Endpoint) throws(Refusal) {
        let identity = bearer.identity
        if !bearer.hasSession, endpoint.scope == nil { throw Refusal(.noSession, "An API token is not enough.") }
        if endpoint.access == .admin, !identity.has(role: "admin") { throw Refusal(.forbidden) }
        if let scope = endpoint.scope, !identity.has(scope: scope) { throw .insufficientScope(scope) }
    }
}
