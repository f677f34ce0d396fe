internal import Synchronization

/// Deliveries between the connection's thread and the tasks that take them. Holds no more than the prefetch, because the
/// broker sends no more before some are settled.
final class DeliveryBuffer: Sendable {
    private struct State {
        var deliveries: [AMQPDelivery] = []
        var head = 0
        var waiters: [(id: UInt64, continuation: CheckedContinuation<AMQPDelivery?, Never>)] = []
        var nextID: UInt64 = 0
        var isFinished = false

        mutating func pop() -> AMQPDelivery? {
            guard head < deliveries.count else { return nil }
            defer {
                head += 1
                if head == deliveries.count {
                    deliveries.removeAll(keepingCapacity: true)
                    head = 0
                } else if head > 256, head > deliveries.count / 2 {
                    deliveries.removeFirst(head)
                    head = 0
                }
            }
            return deliveries[head]
        }
    }

    private let state = Mutex(State())

    /// Deliveries not yet taken.
    var count: Int { state.withLock { $0.deliveries.count - $0.head } }

    func append(_ delivery: AMQPDelivery) {
        let waiter: CheckedContinuation<AMQPDelivery?, Never>? = state.withLock { state in
            if state.isFinished { return nil }
            if !state.waiters.isEmpty { return state.waiters.removeFirst().continuation }
            state.deliveries.append(delivery)
            return nil
        }
        waiter?.resume(returning: delivery)
    }

    /// Drops what has not been taken: the broker delivers it again.
    func removeAll() {
        state.withLock {
            $0.deliveries = []
            $0.head = 0
        }
    }

    /// Ends the sequence.
    func finish() {
        let waiters = state.withLock { state in
            state.isFinished = true
            state.deliveries = []
            state.head = 0
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume(returning: nil) }
    }

    /// The next delivery; `nil` at the end or when the task is cancelled.
    func next() async -> AMQPDelivery? {
        if Task.isCancelled { return nil }
        let (ready, id): (AMQPDelivery?, UInt64) = state.withLock { state in
            state.nextID += 1
            return (state.pop(), state.nextID)
        }
        if let ready { return ready }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let late: AMQPDelivery?? = state.withLock { state in
                    if state.isFinished || Task.isCancelled { return .some(nil) }
                    if let delivery = state.pop() { return delivery }
                    state.waiters.append((id, continuation))
                    return nil
                }
                if let late { continuation.resume(returning: late) }
            }
        } onCancel: {
            let waiter: CheckedContinuation<AMQPDelivery?, Never>? = state.withLock { state in
                guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
                return state.waiters.remove(at: index).continuation
            }
            waiter?.resume(returning: nil)
        }
    }
}
