package import Contracts
package import EventLoop
package import Observability
internal import Secrets
internal import Synchronization
package import Tokens

/// The keys of the auth service: fetched at the start, renewed from time to time, and when a token names a new one.
package actor AccessKeys {
    /// How long between renewals, and how long after a failure. The auth service publishes a key for longer than the former
    /// before it signs with it.
    private let renewal: Duration
    private let timeout: Duration
    /// How long between fetches on account of unknown names, so that made-up ones cannot burden the auth service.
    private let unknownKeyInterval: Duration
    private static let retry = Duration.milliseconds(250)

    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    /// What tokens are verified with.
    package nonisolated let keySet = Tokens::KeySet()

    private let auth: AuthServiceClient
    private let logger: Logger
    private let published = Mutex<(document: [UInt8], generation: Int)>(([], 0))
    private var fetching: Task<Bool, Never>?
    private var lastUnknown: Duration?

    /// - Parameters:
    ///   - renewal: how long the keys are kept.
    ///   - timeout: how long the auth service may take.
    ///   - unknownKeyInterval: how long between fetches because a token names a key that is not known.
    package init(
        auth: AuthServiceClient, loop: EventLoop, renewal: Duration = .seconds(300), timeout: Duration = .seconds(5),
        unknownKeyInterval: Duration = .seconds(30), logger: Logger
    ) {
        self.auth = auth
        self.renewal = renewal
        self.timeout = timeout
        self.unknownKeyInterval = unknownKeyInterval
        self.loop = loop
        self.logger = logger.with([.component: "access-keys"])
    }

    /// The JWK Set (RFC 7517) as clients get it; nil while there is none.
    package nonisolated var document: [UInt8]? {
        published.withLock { $0.generation == 0 ? nil : $0.document }
    }

    /// How long others may keep the document.
    package nonisolated var lifetime: Duration { renewal }

    /// Grows with each change of the keys; 0 while there are none.
    package nonisolated var generation: Int { published.withLock { $0.generation } }

    /// Keeps the keys fresh until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            let wait = await fetch() ? renewal : Self.retry
            do { try await loop.sleep(for: wait) } catch { return }
        }
    }

    /// Fetches the keys because a token names one that is not known; at most once in 30 seconds. True when they were
    /// fetched, so that it makes sense to look again.
    package func fetchForUnknownKey() async -> Bool {
        if let fetching { return await fetching.value }
        if let lastUnknown, loop.now < lastUnknown + unknownKeyInterval { return false }
        lastUnknown = loop.now
        return await fetch()
    }

    private func fetch() async -> Bool {
        if let fetching { return await fetching.value }
        let task = Task { await fetchOnce() }
        fetching = task
        defer { fetching = nil }
        return await task.value
    }

    private func fetchOnce() async -> Bool {
        do {
            let reply = try await auth.getKeySet(Empty(), timeout: timeout)
            let keys = try reply.message.keys.map { key in
                JWKS.Key(
                    id: key.kid,
                    publicKey: try RSAPublicKey(
                        modulus: Base64URL.decode(key.n), exponent: Base64URL.decode(key.e)))
            }
            guard !keys.isEmpty else { return false }
            replace(with: JWKS(keys))
            return true
        } catch {
            logger.debug("keys not fetched", [.error: .error(error)])
            return false
        }
    }

    private func replace(with jwks: JWKS) {
        let document = jwks.encoded()
        let isNew = published.withLock { published in
            guard published.document != document else { return false }
            keySet.replace(with: jwks)
            published = (document, published.generation + 1)
            return true
        }
        if isNew { logger.notice("keys fetched", [.count: .int(jwks.keys.count)]) }
    }
}
