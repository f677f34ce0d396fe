internal import EventLoop
internal import Synchronization

/// Wakes whoever waits for something to do. Raising it many times before anyone looks counts once per waiter.
final class WakeSignal: Sendable {
    private struct State {
        var raised: UInt64 = 0
        var nextID: UInt64 = 0
        var waiting: [UInt64: Waiter] = [:]
    }

    private struct Waiter {
        let continuation: CheckedContinuation<Void, Never>
        var timer: LoopTimer?

        func resume() {
            timer?.cancel()
            continuation.resume()
        }
    }

    private let state = Mutex(State())

    /// Wakes all who wait now and lets the next wait of everyone else return at once.
    func raise() {
        let waiting = state.withLock { state in
            state.raised += 1
            defer { state.waiting.removeAll(keepingCapacity: true) }
            return Array(state.waiting.values)
        }
        for waiter in waiting { waiter.resume() }
    }

    /// Returns when raised since `seen`, when `limit` has passed, or when the task is cancelled.
    ///
    /// - Returns: what to pass as `seen` next time.
    func wait(after seen: UInt64, atMost limit: Duration, on loop: EventLoop) async -> UInt64 {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDue = state.withLock { state in
                    guard state.raised == seen, !Task.isCancelled else { return true }
                    state.waiting[id] = Waiter(continuation: continuation)
                    return false
                }
                guard !isDue else { return continuation.resume() }
                // Only now: a timer that fired before the waiter is there would wake nobody.
                let timer = loop.schedule(after: limit) { self.resume(id) }
                let isOver = state.withLock { state in
                    state.waiting[id]?.timer = timer
                    return state.waiting[id] == nil
                }
                if isOver { timer.cancel() }
            }
        } onCancel: {
            resume(id)
        }
        return state.withLock { $0.raised }
    }

    private func resume(_ id: UInt64) {
        state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
    }
}
