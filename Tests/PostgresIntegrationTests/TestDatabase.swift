import EventLoop
import Observability
import Postgres
import ServersTesting
import Synchronization
import Testing

/// An empty database on the shared server.
func freshDatabase() async throws -> String { try await TestPostgres.shared().makeDatabase() }

/// Runs `body` with a started pool on an event loop of its own, and ends both afterwards, also on failure.
@discardableResult
func withPool<T>(
    _ url: String? = nil, logger: Logger = .silent,
    configure: (inout PostgresPool.Configuration) -> Void = { _ in },
    _ body: (PostgresPool) async throws -> T
) async throws -> T {
    let address: String
    if let url { address = url } else { address = try await freshDatabase() }
    var configuration = try PostgresPool.Configuration(url: address)
    // Machines that run tests may be slow: bounds that a test does not examine are generous.
    configuration.callTimeout = .seconds(30)
    configuration.transactionTimeout = .seconds(60)
    configuration.unavailableTimeout = .seconds(20)
    configure(&configuration)
    let loop = try EventLoop(name: "test")
    loop.start()
    do {
        let pool = try PostgresPool(loop: loop, configuration: configuration, logger: logger)
        await pool.start()
        do {
            let value = try await body(pool)
            await pool.shutdown()
            await loop.shutdown()
            return value
        } catch {
            await pool.shutdown(grace: .zero)
            throw error
        }
    } catch {
        await loop.shutdown()
        throw error
    }
}

/// The error that `body` throws; a test fails when it throws none or another kind.
func postgresError(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async -> PostgresError? {
    do {
        try await body()
        Issue.record("nothing was thrown", sourceLocation: sourceLocation)
    } catch let error as PostgresError {
        return error
    } catch {
        Issue.record("another error: \(error)", sourceLocation: sourceLocation)
    }
    return nil
}

/// A value that several tasks of a test change.
final class Shared<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>

    init(_ value: Value) { mutex = Mutex(value) }

    func withLock<T: Sendable>(_ body: (inout sending Value) -> sending T) -> T { mutex.withLock(body) }
}
