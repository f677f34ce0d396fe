import AuthInfrastructure
import Chronology
import EventLoop
import Observability
import Postgres
import ServiceRuntime

/// When signing keys are replaced.
struct KeySettings: Sendable {
    let rotation: Duration
    let overlap: Duration

    init(_ reader: inout ConfigurationReader) {
        rotation = .seconds(
            86_400
                * reader.int(
                    "FLORIN_KEY_ROTATION_DAYS", "days after which a signing key is replaced", default: 30, in: 1...3650)
        )
        overlap = .seconds(
            reader.int(
                "FLORIN_KEY_OVERLAP_SECONDS",
                "how long a new key is published before it signs; twice the gateway's FLORIN_KEY_CACHE_SECONDS at least",
                default: 600, in: 1...86_400))
    }

    /// How often each instance looks for keys that another one has made: well within the overlap.
    var poll: Duration { min(.seconds(30), overlap / 4) }
}

extension AuthProgram {
    static let rotateKeysCommand = ServiceCommand<Settings>(
        "rotate-keys", help: "makes the key that signs next, after the overlap",
        fault: { $0.isEmpty ? nil : "takes no arguments" },
        run: { host, settings, _ in try await rotateKeys(host, settings) })

    private static func rotateKeys(_ host: ServiceHost, _ settings: Settings) async throws -> Int32 {
        guard let masterKey = settings.masterKey else { throw ConfigurationFailure(faults: ["FLORIN_MASTER_KEY"]) }
        let threads = OffloadPool(name: "keys", threads: 1, queueLimit: 1)
        host.add(Component("threads", start: {}, stop: { _ in threads.shutdown() }))
        let pool = try host.database(settings.database, migrations: migrations)
        try await host.startComponents()
        let store = SigningKeyStore(pool: pool, masterKey: masterKey, threads: threads)
        guard let key = try await store.rotate(at: SystemClock().now(), overlap: settings.keys.overlap) else {
            host.output("No key was made: there is none yet, or one is waiting to sign already.\n")
            return ServiceMain.Status.failure
        }
        host.output("Key \(key.id) is published and signs from \(key.signsFrom) on.\n")
        return ServiceMain.Status.ok
    }

    /// Loads the keys, replaces them when their time has come, and takes over what other instances make.
    ///
    /// A master key that does not fit ends the start; a database that is away does not.
    static func keepKeys(
        _ keys: SigningKeys, _ store: SigningKeyStore, _ settings: KeySettings, _ host: ServiceHost
    ) {
        let (loop, logger) = (host.loop, host.logger)
        let loader = SigningKeyLoader(keys: keys, store: store, logger: logger)
        host.readiness.add("signing-keys") { keys.publishedKeys.isEmpty ? "not loaded" : nil }
        host.add(Component("signing-keys", start: { try await loader.load() }, stop: { _ in }))
        host.run("signing-keys-retry") {
            await loader.loadEventually { try await loop.sleep(for: .milliseconds(250)) }
            await untilCancelled(loop)
        }
        host.chore("signing-keys", every: settings.poll) {
            let now = SystemClock().now()
            if let key = try await store.rotate(at: now, overlap: settings.overlap, ifOlderThan: settings.rotation) {
                logger.notice("a signing key was made", [.component: .string(key.id)])
            }
            try await store.load(into: keys, at: now)
        }
        host.chore("signing-keys-sweep", every: .seconds(600)) {
            try await store.removeOver(at: SystemClock().now())
        }
    }

    private static func untilCancelled(_ loop: EventLoop) async {
        while !Task.isCancelled { do { try await loop.sleep(for: .seconds(3600)) } catch { return } }
    }
}
