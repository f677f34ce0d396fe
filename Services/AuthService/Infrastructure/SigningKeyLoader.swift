package import Observability
import Chronology
import Postgres

/// Loads the signing keys when the service starts, and goes on trying while the database or its schema is away.
package struct SigningKeyLoader: Sendable {
    private let keys: SigningKeys
    private let store: SigningKeyStore
    private let logger: Logger

    package init(keys: SigningKeys, store: SigningKeyStore, logger: Logger) {
        self.keys = keys
        self.store = store
        self.logger = logger
    }

    /// Loads the keys.
    ///
    /// - Throws: what no later attempt cures: `SigningKeyError`. Where the database is away it returns without keys.
    package func load() async throws {
        do {
            try await loadOnce()
        } catch let error as PostgresError where Self.mayPass(error) {
            logger.warning("signing keys cannot be loaded yet", [.error: .error(error)])
        }
    }

    /// Tries until the keys are loaded or can never be.
    ///
    /// - Parameter pause: waits between attempts; throws when the task is cancelled.
    package func loadEventually(pause: () async throws -> Void) async {
        while keys.publishedKeys.isEmpty, !Task.isCancelled {
            do {
                try await pause()
                try await loadOnce()
            } catch let error as PostgresError where Self.mayPass(error) {
                continue
            } catch {
                if !Task.isCancelled {
                    logger.critical("signing keys cannot be used", [.error: .error(error)])
                }
                return
            }
        }
    }

    private func loadOnce() async throws {
        try await store.load(into: keys, at: SystemClock().now())
        logger.info("signing keys are loaded", [.count: .int(keys.publishedKeys.count)])
    }

    /// The database, or the schema in it, is not there yet.
    private static func mayPass(_ error: PostgresError) -> Bool {
        error.isRetriable || error.sqlState == .undefinedTable
    }
}
