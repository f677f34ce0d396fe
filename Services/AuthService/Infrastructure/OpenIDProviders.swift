import AuthApplication
package import AuthDomain
package import Chronology
package import EventLoop
package import HTTPClient
package import Observability
import JSON
import Tokens

/// The configured issuers.
package struct OpenIDProviders: IdentityProviders {
    private let providers: [String: OpenIDProvider]

    /// - Parameter client: asks the issuers; whoever made it shuts it down.
    package init(
        _ settings: [OpenIDSettings], client: HTTPClient, loop: EventLoop, clock: any WallClock, logger: Logger
    ) {
        providers = Dictionary(
            settings.map { settings in
                (
                    settings.name,
                    OpenIDProvider(settings, client: client, loop: loop, clock: clock, logger: logger)
                )
            }
        ) { first, _ in first }
    }

    package func identity(
        of token: String, from provider: String, nonce: String?
    ) async throws -> ExternalIdentity {
        guard let provider = providers[provider] else { throw AuthRefusal.unknownProvider }
        return try await provider.identity(of: token, nonce: nonce)
    }
}

/// One issuer: its keys, fetched when they are needed and kept for an hour, and the rules of its tokens.
actor OpenIDProvider {
    /// How long keys are used before newer ones are looked for.
    private static let freshness = Duration.seconds(3600)
    /// How long they are used while the issuer does not answer.
    private static let lifetime = Duration.seconds(24 * 3600)
    /// How long between fetches for keys that tokens name and nobody knows, and how long after a failure while there are keys.
    private static let interval = Duration.seconds(30)
    /// How long after a failure while there are none.
    private static let pause = Duration.seconds(1)

    private nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private let settings: OpenIDSettings
    private let client: HTTPClient
    private let keys = KeySet()
    private let verifier: IDTokenVerifier
    private let logger: Logger
    private var fetchedAt: Duration?
    private var failedAt: Duration?
    private var lastUnknown: Duration?
    private var fetching: Task<Bool, Never>?

    init(_ settings: OpenIDSettings, client: HTTPClient, loop: EventLoop, clock: any WallClock, logger: Logger) {
        self.settings = settings
        self.client = client
        self.loop = loop
        self.logger = logger
        verifier = IDTokenVerifier(keys: keys, issuer: settings.issuer, audiences: settings.audiences, clock: clock)
    }

    func identity(of token: String, nonce: String?) async throws -> ExternalIdentity {
        try await prepareKeys()
        do throws(TokenError) {
            return identity(try verifier.verify(token, nonce: nonce))
        } catch {
            guard error.code == .unknownKey else { throw AuthRefusal.invalidIDToken }
        }
        guard await fetchForUnknownKey() else { throw AuthRefusal.invalidIDToken }
        do throws(TokenError) {
            return identity(try verifier.verify(token, nonce: nonce))
        } catch {
            throw AuthRefusal.invalidIDToken
        }
    }

    private func identity(_ claims: IDTokenClaims) -> ExternalIdentity {
        ExternalIdentity(
            issuer: settings.issuer, subject: claims.subject, email: claims.email,
            isEmailVerified: claims.isEmailVerified, name: claims.name, locale: claims.locale)
    }

    /// Keys that can be relied on: an hour old at most, or a day while the issuer does not answer.
    private func prepareKeys() async throws {
        let age = fetchedAt.map { loop.now - $0 }
        if let age, age < Self.freshness { return }
        let isUsable = age.map { $0 < Self.lifetime } ?? false
        let wait = isUsable ? Self.interval : Self.pause
        let isTooSoon = failedAt.map { loop.now - $0 < wait } ?? false
        if !isTooSoon, await fetch() { return }
        if !isUsable { throw AuthRefusal.providerUnavailable }
    }

    /// Looks for a key that a token names, at most once in 30 seconds: made-up names cannot burden the issuer.
    private func fetchForUnknownKey() async -> Bool {
        if let lastUnknown, loop.now - lastUnknown < Self.interval { return false }
        lastUnknown = loop.now
        return await fetch()
    }

    /// One fetch at a time, whoever asks for it.
    private func fetch() async -> Bool {
        if let fetching { return await fetching.value }
        let task = Task { await fetchOnce() }
        fetching = task
        defer { fetching = nil }
        return await task.value
    }

    private func fetchOnce() async -> Bool {
        do {
            let url = if let known = settings.keysURL { known } else { try await discoverKeysURL() }
            let found = try JWKS(parsing: await document(url))
            guard !found.keys.isEmpty else { throw OpenIDFault("the issuer has no key for RS256") }
            keys.replace(with: found)
            fetchedAt = loop.now
            failedAt = nil
            return true
        } catch {
            failedAt = loop.now
            logger.warning(
                "the keys of an identity provider cannot be fetched",
                [.component: .string(settings.name), .error: .error(error)])
            return false
        }
    }

    /// OpenID Connect Discovery 1.0, section 4: the document must name the issuer that it was asked of.
    private func discoverKeysURL() async throws -> String {
        let slash = settings.issuer.hasSuffix("/") ? "" : "/"
        let bytes = try await document("\(settings.issuer)\(slash).well-known/openid-configuration")
        let metadata = try JSONDocument(parsing: bytes).root
        guard metadata["issuer"]?.string == settings.issuer, let url = metadata["jwks_uri"]?.string,
            HTTPClient.mayAsk(url)
        else { throw OpenIDFault("the discovery document is not that of the issuer") }
        return url
    }

    private func document(_ url: String) async throws -> [UInt8] {
        let reply = try await client.get(url, headers: [("Accept", "application/json")])
        guard reply.status == 200 else { throw OpenIDFault("the issuer answers \(reply.status)") }
        return reply.body
    }
}
