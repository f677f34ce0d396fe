package import Chronology
internal import Contracts
internal import HTTPServer
internal import Synchronization
package import Tokens

/// Finds out who makes a request.
package final class Authenticator: Sendable {
    /// How far the clocks of the auth service and this machine may differ.
    private static let leeway = Duration.seconds(30)

    private let keys: AccessKeys
    private let revocations: Revocations
    private let verifier: JWTVerifier
    private let clock: any WallClock
    private let verified = Mutex(VerifiedTokens(capacity: 4096))

    /// - Parameter issuer: the `iss` of the tokens: the public address.
    package init(keys: AccessKeys, revocations: Revocations, issuer: String, clock: any WallClock = SystemClock()) {
        self.keys = keys
        self.revocations = revocations
        self.clock = clock
        verifier = JWTVerifier(keys: keys.keySet, issuer: issuer, leeway: Self.leeway, clock: clock)
    }

    /// The bearer of an access token that is valid now.
    ///
    /// - Throws: 401 for any other token, 503 while there are no keys to tell.
    package func identity(of token: String) async throws(Refusal) -> Identity {
        let generation = keys.generation
        let known = verified.withLock { $0.identity(of: token, generation: generation) }
        let identity: Identity
        if let known, clock.now() < known.expiresAt + Self.leeway {
            identity = known
        } else {
            identity = try await verify(token)
            verified.withLock { $0.add(token, identity, generation: generation) }
        }
        guard !revocations.contains(identity.sessionID) else {
            throw .unauthenticated(.invalidAccessToken, "The session has ended.")
        }
        return identity
    }

    /// Whether the token is valid as far as can be told at once, without asking the auth service.
    package func isKnown(_ token: String) -> Bool {
        do throws(TokenError) {
            return try !revocations.contains(verifier.identity(of: token).sessionID)
        } catch {
            return false
        }
    }

    private func verify(_ token: String) async throws(Refusal) -> Identity {
        guard keys.generation > 0 else { throw .unavailable("auth") }
        do throws(TokenError) {
            return try verifier.identity(of: token)
        } catch {
            guard error.code == .unknownKey else { throw Self.refusal(error) }
        }
        guard await keys.fetchForUnknownKey() else { throw Self.refusal(nil) }
        do throws(TokenError) {
            return try verifier.identity(of: token)
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
    func admit(_ request: HTTPRequest, to endpoint: Endpoint) async throws(Refusal) -> Identity? {
        guard endpoint.access != .anyone else { return nil }
        switch Credentials(request.headers) {
        case .none: throw .unauthenticated(.unauthenticated, "Sign in first.")
        case .malformed: throw .unauthenticated(.invalidAccessToken, "Expected one bearer token.")
        case .bearer(let token): return try await identity(of: token)
        }
    }

    /// Refuses a bearer whose token or role is not enough, 403.
    static func authorize(_ identity: Identity, for endpoint: Endpoint) throws(Refusal) {
        if endpoint.access == .admin, !identity.has(role: "admin") { throw Refusal(.forbidden) }
        if let scope = endpoint.scope, !identity.has(scope: scope) { throw .insufficientScope(scope) }
    }
}
