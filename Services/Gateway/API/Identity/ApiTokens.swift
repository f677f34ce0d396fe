internal import Chronology
package import Contracts
package import EventLoop
internal import GRPC
internal import Resilience
internal import Synchronization
internal import Tokens

/// Personal API tokens: the auth service is asked who bears one, and the answer holds for a moment, so that a script that calls
/// often does not double the work. A token that was ended is refused after that moment at the latest; mostly at once, by the event.
package final class ApiTokens: Sendable {
    /// A token without an end is looked at anew after this time where it is used for one long answer.
    private static let longestUse = Duration.seconds(24 * 3600)

    private struct Entry {
        /// Nil where nobody bears the token.
        let bearer: Bearer?
        let end: Duration
    }

    private struct State {
        var young: [String: Entry] = [:]
        var old: [String: Entry] = [:]
    }

    private let access: AccessServiceClient
    private let dependencies: Dependencies
    private let loop: EventLoop
    private let timeout: Duration
    private let lifetime: Duration
    private let capacity: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - timeout: how long a request waits for the auth service.
    ///   - lifetime: how long an answer holds.
    ///   - capacity: how many answers are held twice over.
    package init(
        access: AccessServiceClient, dependencies: Dependencies, loop: EventLoop, timeout: Duration = .seconds(5),
        lifetime: Duration = .seconds(3), capacity: Int = 1024
    ) {
        self.access = access
        self.dependencies = dependencies
        self.loop = loop
        self.timeout = timeout
        self.lifetime = lifetime
        self.capacity = capacity
    }

    /// Whether a text is meant to be such a token.
    static func isMeant(_ text: String) -> Bool { text.hasPrefix(PersonalToken.prefix) }

    /// Who bears the token.
    ///
    /// - Throws: 401 where nobody does, 503 or 504 where it cannot be told.
    func bearer(of text: String) async throws(Refusal) -> Bearer {
        guard PersonalToken(text) != nil else { throw Self.unknown }
        if let known = known(text) {
            guard let bearer = known.bearer else { throw Self.unknown }
            return bearer
        }
        let now = loop.now
        let bearer = try await resolve(text)
        let entry = Entry(bearer: bearer, end: now + lifetime)
        state.withLock { state in
            if state.young.count >= capacity {
                state.old = state.young
                state.young = [:]
            }
            state.young[text] = entry
        }
        guard let bearer else { throw Self.unknown }
        return bearer
    }

    /// Whether the auth service would be asked about a text.
    func mustAsk(about text: String) -> Bool {
        Self.isMeant(text) && PersonalToken(text) != nil && known(text) == nil
    }

    /// What was heard of a token, where that still holds.
    private func known(_ text: String) -> Entry? {
        let now = loop.now
        let entry = state.withLock { $0.young[text] ?? $0.old[text] }
        return entry.flatMap { $0.end > now ? $0 : nil }
    }

    /// Forgets what is known of tokens that match.
    func forget(where matches: (Bearer) -> Bool) {
        state.withLock { state in
            state.young = state.young.filter { !($0.value.bearer.map(matches) ?? false) }
            state.old = state.old.filter { !($0.value.bearer.map(matches) ?? false) }
        }
    }

    private func resolve(_ text: String) async throws(Refusal) -> Bearer? {
        do {
            let found = try await dependencies["auth"].call(
                within: timeout, repeating: .always, classify: CallFailure.init(of:)
            ) { [access] timeLeft in
                try await access.resolveApiToken(ResolveApiTokenRequest(token: text), timeout: timeLeft).message
            }
            let limit = SystemClock().now() + Self.longestUse
            let expiry = found.expiresAt.flatMap { Timestamp(rfc3339: $0) }
            return Bearer(
                identity: Identity(
                    userID: try UUIDv7(parsing: found.userID), sessionID: try UUIDv7(parsing: found.tokenID),
                    scopes: found.scopes, roles: found.roles, expiresAt: expiry.map { min($0, limit) } ?? limit),
                kind: .apiToken)
        } catch {
            if let status = error as? GRPCStatus, status.code == .notFound { return nil }
            throw Refusal(error, asking: "auth")
        }
    }

    private static var unknown: Refusal {
        .unauthenticated(.invalidAccessToken, "The API token is unknown, expired or was ended.")
    }
}
