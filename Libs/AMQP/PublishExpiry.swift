internal import Synchronization

/// Ends the calls of a publisher whose bound has passed. One sleeping task serves all of them: the runtime's timers are dear, and
/// nearly every call is over long before its bound.
final class PublishExpiry: Sendable {
    private struct State {
        var calls: [UInt64: Call] = [:]
        var lastID: UInt64 = 0
        /// The task, and when it wakes; nil while there is nothing to wait for.
        var sleeper: (task: Task<Void, Never>, wakesAt: ContinuousClock.Instant)?
    }

    private struct Call {
        let deadline: ContinuousClock.Instant
        let batch: PublishBatch
    }

    private let state = Mutex(State())

    /// Settles the rest of the batch as timed out at `deadline`, unless `end` comes first.
    func begin(_ batch: PublishBatch, deadline: ContinuousClock.Instant) -> UInt64 {
        state.withLock { state in
            state.lastID += 1
            state.calls[state.lastID] = Call(deadline: deadline, batch: batch)
            if let sleeper = state.sleeper, sleeper.wakesAt > deadline {
                sleeper.task.cancel()
                state.sleeper = nil
            }
            if state.sleeper == nil { state.sleeper = (sleep(until: deadline), deadline) }
            return state.lastID
        }
    }

    /// The call is over.
    func end(_ id: UInt64) { state.withLock { $0.calls[id] = nil } }

    /// Nothing is to be waited for any more.
    func cancel() { state.withLock { $0.sleeper?.task.cancel() } }

    private func sleep(until deadline: ContinuousClock.Instant) -> Task<Void, Never> {
        Task { [weak self] in
            do { try await Task.sleep(until: deadline, clock: .continuous) } catch { return }
            self?.wake()
        }
    }

    private func wake() {
        let now = ContinuousClock.now
        let expired = state.withLock { state in
            let expired = state.calls.filter { $0.value.deadline <= now }
            for id in expired.keys { state.calls[id] = nil }
            state.sleeper = state.calls.values.map(\.deadline).min().map { (sleep(until: $0), $0) }
            return expired.values.map(\.batch)
        }
        for batch in expired { batch.settleRest(.timedOut) }
    }
}
