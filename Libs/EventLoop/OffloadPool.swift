internal import Synchronization

/// Threads for work that takes long on the processor, such as hashing a password, with a bounded queue in front.
package final class OffloadPool: Sendable {
    private struct State {
        var queue: [any OffloadJob] = []
        var running = 0
        var threads: [LoopThread] = []
        var isShutDown = false
    }

    private let monitor: Monitor<State>
    private let queueLimit: Int

    /// Starts `threads` threads. At most `queueLimit` pieces of work wait for one of them.
    package init(name: String, threads: Int, queueLimit: Int) {
        precondition(threads > 0 && queueLimit >= 0)
        self.queueLimit = queueLimit
        let monitor = Monitor(State())
        self.monitor = monitor
        let started = (0..<threads).map { _ in LoopThread(name: name) { Self.work(monitor, limit: queueLimit) } }
        monitor.withLock { $0.threads = started }
    }

    /// Pieces of work that threads do now, and that wait for a thread; from any thread.
    package var load: (running: Int, waiting: Int) {
        monitor.withLock { ($0.running, $0.queue.count { !$0.isOver }) }
    }

    /// Runs `body` on a thread of the pool and returns its result. Throws `EventLoopError` `.overloaded` at once when the
    /// queue is full, `.shutDown` after `shutdown()`, `CancellationError` when the task is cancelled before `body` began; a
    /// body that has begun is not interrupted. Otherwise rethrows what `body` throws.
    package func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        let job = Offload(body)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                job.set(continuation)
                if let refusal = add(job) { job.refuse(refusal) }
            }
        } onCancel: {
            job.refuse(CancellationError())
        }
    }

    /// Refuses what waits, and returns when what has begun is finished and the threads are gone. Blocks; idempotent. Not
    /// from a thread of the pool.
    package func shutdown() {
        let (waiting, threads) = monitor.withLock { state in
            state.isShutDown = true
            defer {
                state.queue = []
                state.threads = []
            }
            return (state.queue, state.threads)
        }
        monitor.broadcast()
        for job in waiting { job.refuse(EventLoopError(.shutDown, "the pool has shut down")) }
        for thread in threads { thread.join() }
    }

    private func add(_ job: any OffloadJob) -> EventLoopError? {
        let refusal = monitor.withLock { state -> EventLoopError? in
            guard !state.isShutDown else { return EventLoopError(.shutDown, "the pool has shut down") }
            if state.queue.count >= queueLimit { state.queue.removeAll { $0.isOver } }
            guard state.queue.count < queueLimit else { return EventLoopError(.overloaded, "the pool's queue is full") }
            state.queue.append(job)
            return nil
        }
        if refusal == nil { monitor.signal() }
        return refusal
    }

    private static func work(_ monitor: Monitor<State>, limit: Int) {
        enum Next { case job(any OffloadJob), end }
        while true {
            let next = monitor.wait { state -> Next? in
                if !state.queue.isEmpty {
                    state.running += 1
                    return .job(state.queue.removeFirst())
                }
                return state.isShutDown ? .end : nil
            }
            guard case .job(let job) = next else { return }
            job.perform()
            monitor.withLock { $0.running -= 1 }
        }
    }
}

/// A piece of work of whatever result.
private protocol OffloadJob: Sendable {
    var isOver: Bool { get }
    func perform()
    func refuse(_ error: any Error)
}

private final class Offload<T: Sendable>: OffloadJob {
    private struct State {
        var continuation: CheckedContinuation<T, any Error>?
        var hasBegun = false
        var refusal: (any Error)?
    }

    private let body: @Sendable () throws -> T
    private let state = Lock(State())

    init(_ body: @escaping @Sendable () throws -> T) { self.body = body }

    var isOver: Bool { state.withLock { $0.refusal != nil } }

    func set(_ continuation: CheckedContinuation<T, any Error>) {
        let refusal = state.withLock { state -> (any Error)? in
            if state.refusal == nil { state.continuation = continuation }
            return state.refusal
        }
        if let refusal { continuation.resume(throwing: refusal) }
    }

    func perform() {
        let continuation = state.withLock { state -> CheckedContinuation<T, any Error>? in
            guard state.refusal == nil else { return nil }
            state.hasBegun = true
            defer { state.continuation = nil }
            return state.continuation
        }
        continuation?.resume(with: Result(catching: body))
    }

    func refuse(_ error: any Error) {
        let continuation = state.withLock { state -> CheckedContinuation<T, any Error>? in
            guard !state.hasBegun, state.refusal == nil else { return nil }
            state.refusal = error
            defer { state.continuation = nil }
            return state.continuation
        }
        continuation?.resume(throwing: error)
    }
}
