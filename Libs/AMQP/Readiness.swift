internal import Synchronization

/// A condition that tasks wait for with a bound: set and withdrawn by the connection's thread.
final class Readiness: Sendable {
    private struct State {
        var isReady = false
        var failure: AMQPError?
        var waiters: [UInt64: CheckedContinuation<Result<Void, AMQPError>, Never>] = [:]
        var nextID: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Whether the condition holds now.
    var isReady: Bool { state.withLock { $0.isReady } }

    func markReady() { resume(.success(())) { $0.isReady = true } }

    func markNotReady() { state.withLock { $0.isReady = false } }

    /// Ends all waits, present and future, with the error.
    func fail(_ error: AMQPError) {
        resume(.failure(error)) {
            $0.isReady = false
            $0.failure = error
        }
    }

    private func resume(_ result: Result<Void, AMQPError>, _ change: (inout State) -> Void) {
        let waiters = state.withLock { state in
            change(&state)
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume(returning: result) }
    }

    /// Waits until the condition holds.
    /// - Throws: the failure; `.timedOut` when the bound passes; `.cancelled` when the task is cancelled.
    func wait(timeout: Duration) async throws(AMQPError) {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        var expiry: Task<Void, any Error>?
        defer { expiry?.cancel() }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                register(id, continuation)
                expiry = Task {
                    try await Task.sleep(for: timeout)
                    self.abandon(id, AMQPError(.timedOut, "not ready within \(timeout)"))
                }
            }
        } onCancel: {
            abandon(id, AMQPError(.cancelled, "the wait was cancelled"))
        }
        try result.get()
    }

    private func register(_ id: UInt64, _ continuation: CheckedContinuation<Result<Void, AMQPError>, Never>) {
        let result: Result<Void, AMQPError>? = state.withLock { state in
            if state.isReady { return .success(()) }
            if let failure = state.failure { return .failure(failure) }
            if Task.isCancelled { return .failure(AMQPError(.cancelled, "the wait was cancelled")) }
            state.waiters[id] = continuation
            return nil
        }
        if let result { continuation.resume(returning: result) }
    }

    private func abandon(_ id: UInt64, _ error: AMQPError) {
        state.withLock { $0.waiters.removeValue(forKey: id) }?.resume(returning: .failure(error))
    }
}
