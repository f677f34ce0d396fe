internal import Synchronization

/// `grpc.health.v1.Health`: `Check` answers once, `Watch` tells each change (grpc/grpc: doc/health-checking.md).
///
/// The empty name stands for the server as a whole. Every name begins as `notServing`.
package final class HealthService: GRPCService {
    /// What a service is able to do; the raw value is the number on the wire.
    package enum Status: Int, Sendable, CaseIterable {
        case unknown = 0
        case serving = 1
        case notServing = 2
        /// The name is not known; only `Watch` says this, since such a service may come.
        case serviceUnknown = 3
    }

    private struct State {
        var statuses: [String: Status]
        var watchers: [UInt64: (service: String, updates: AsyncStream<Status>.Continuation)] = [:]
        var nextWatcher: UInt64 = 0
        var isShutDown = false
    }

    /// The service's full name.
    package let name = "grpc.health.v1.Health"
    private let state: Mutex<State>

    init(services: [String]) {
        let statuses = [String: Status](uniqueKeysWithValues: (services + [""]).map { ($0, .notServing) })
        state = Mutex(State(statuses: statuses))
    }

    /// Sets the status of all names known.
    package func set(_ status: Status) {
        state.withLock { state in
            for service in state.statuses.keys { Self.set(status, for: service, in: &state) }
        }
    }

    /// Sets the status of one name, which becomes known by that.
    package func set(_ status: Status, for service: String) {
        state.withLock { Self.set(status, for: service, in: &$0) }
    }

    /// The status of a name; nil when it is not known.
    package func status(of service: String) -> Status? { state.withLock { $0.statuses[service] } }

    private static func set(_ status: Status, for service: String, in state: inout State) {
        guard !state.isShutDown, state.statuses.updateValue(status, forKey: service) != status else { return }
        for watcher in state.watchers.values where watcher.service == service { watcher.updates.yield(status) }
    }

    /// Nothing serves any more: watchers hear so, and their streams end.
    func shutDown() {
        state.withLock { state in
            for service in state.statuses.keys { Self.set(.notServing, for: service, in: &state) }
            state.isShutDown = true
            for watcher in state.watchers.values { watcher.updates.finish() }
        }
    }

    /// `Check` and `Watch`.
    package var handlers: [String: GRPCHandler] {
        [
            "Check": .unary { [self] message, _ in try check(message) },
            "Watch": .serverStreaming { [self] message, _, writer in try await watch(message, writer) },
        ]
    }

    private func check(_ message: [UInt8]) throws(GRPCStatus) -> [UInt8] {
        guard let status = status(of: try HealthMessages.decodeRequest(message)) else {
            throw GRPCStatus(.notFound, "unknown service")
        }
        return HealthMessages.encodeResponse(status)
    }

    private func watch(_ message: [UInt8], _ writer: GRPCResponseWriter) async throws {
        let service = try HealthMessages.decodeRequest(message)
        // A watcher that reads slowly gets the newest status only; the ones between have no use any more.
        let (updates, continuation) = AsyncStream.makeStream(of: Status.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            state.nextWatcher += 1
            state.watchers[state.nextWatcher] = (service, continuation)
            continuation.yield(state.statuses[service] ?? .serviceUnknown)
            if state.isShutDown { continuation.finish() }
            return state.nextWatcher
        }
        defer { _ = state.withLock { $0.watchers.removeValue(forKey: id) } }
        for await status in updates { try await writer.write(HealthMessages.encodeResponse(status)) }
        try Task.checkCancellation()
        throw GRPCStatus(.unavailable, "the server is shutting down")
    }
}
