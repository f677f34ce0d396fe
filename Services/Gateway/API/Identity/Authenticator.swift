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
        let admission = try await admission(of: token)
        if let end = admission.end { throw end }
        return admission.bearer
    }

    /// The bearer of a token that is valid now, or was until it was taken back.
    ///
    /// - Throws: 401 for any other token, 503 while it cannot be told.
    private func admission(of token: String) async throws(Refusal) -> Admission {
        if ApiTokens.isMeant(token) { return Admission(bearer: try await apiTokens.bearer(of: token)) }
        let generation = keys.generation
        let known = verified.withLock { $0.claims(of: token, generation: generation) }
        let claims: AccessTokenClaims
        if let known, clock.now() < known.identity.expiresAt + Self.leeway {
            claims = known
        } else {
            claims = try await verify(token)
            verified.withLock { $0.add(token, claims, generation: generation) }
        }
        var admission = Admission(
            bearer: Bearer(identity: claims.identity, kind: .session(issuedAt: claims.issuedAt)))
        if revocations.contains(claims.identity.sessionID) {
            admission.end = .unauthenticated(.invalidAccessToken, "The session has ended.")
        } else if changes.refuses(claims.identity, issuedAt: claims.issuedAt) {
            admission.end = .unauthenticated(.invalidAccessToken, "The account was changed. Refresh the token.")
        }
        return admission
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
    /// Who makes a request.
    struct Admission {
        let bearer: Bearer
        /// Why the bearer's access has ended; nil where it goes on.
        var end: Refusal?
    }

    /// Who makes the request, where the endpoint asks for that. Whose access has ended comes no further than to the answer to what
    /// may have ended it: a service tells it again, or refuses.
    ///
    /// - Throws: 401 without a valid token, 503 while none can be verified.
    func admit(_ request: HTTPRequest, to endpoint: Endpoint) async throws(Refusal) -> Admission? {
        guard endpoint.access != .anyone else { return nil }
        switch Credentials(request.headers) {
        case .none: throw .unauthenticated(.unauthenticated, "Sign in first.")
        case .malformed: throw .unauthenticated(.invalidAccessToken, "Expected one bearer token.")
        case .bearer(let token):
            let admission = try await admission(of: token)
            if let end = admission.end, !endpoint.mayHaveEndedAccess(request) { throw end }
            return admission
        }
    }

    /// Whether the auth service has to be asked who makes the request.
    func mustAsk(_ request: HTTPRequest, to endpoint: Endpoint) -> Bool {
        guard endpoint.access != .anyone, case .bearer(let token) = Credentials(request.headers) else { return false }
        return apiTokens.mustAsk(about: token)
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
