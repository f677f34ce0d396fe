import Chronology
import EventLoop
import FaultPoints
import Idempotency
import Messaging
import Postgres
import Synchronization

/// Writes the expenses of requests that arrive side by side in one transaction: one round trip, one commit for all of them.
///
/// Nobody waits for company: what comes first goes at once, and while the database is at work on as many groups as are allowed,
/// the next one gathers. An expense that a group cannot write is left to its caller. A group whose callers have all gone is given
/// up, also while it waits for a lock.
actor GroupCommit {
    /// Bounds of the groups.
    struct Limits: Sendable {
        /// Groups on their way at the same time.
        var groups = 2
        /// Expenses of one group.
        var expenses = 64
        /// Expenses that wait for their group; one more is refused.
        var waiting = 1024
    }

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private let pool: PostgresPool
    private let outbox: Outbox
    private let limits: Limits
    private var waiting: [Entry] = []
    private var running = 0
    private var isGathering = false

    /// An expense and whoever waits for it.
    private struct Entry {
        let write: ExpenseWrite
        let deadline: Duration
        let caller: Caller
    }

    init(pool: PostgresPool, outbox: Outbox, limits: Limits = Limits()) {
        loop = pool.loop
        self.pool = pool
        self.outbox = outbox
        self.limits = limits
    }

    /// Writes a plain expense. Answers within the pool's bound of a call.
    ///
    /// - Returns: false when nothing was written and the expense must be written by itself.
    nonisolated func commit(_ write: ExpenseWrite) async throws(PostgresError) -> Bool {
        let caller = Caller()
        let entry = Entry(write: write, deadline: loop.now + pool.configuration.callTimeout, caller: caller)
        let answer = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                caller.wait(continuation)
                onLoop { $0.add(entry) }
            }
        } onCancel: {
            caller.answer(
                .failure(PostgresError(.cancelled, "the task was cancelled", isOutcomeUnknown: true)))
        }
        return try answer.get()
    }

    private nonisolated func onLoop(_ body: @escaping @Sendable (isolated GroupCommit) -> Void) {
        if loop.isCurrent { assumeIsolated(body) } else { loop.execute { self.assumeIsolated(body) } }
    }

    private func add(_ entry: Entry) {
        guard waiting.count < limits.waiting else {
            return entry.caller.answer(.failure(PostgresError(.poolExhausted, "too many expenses wait")))
        }
        waiting.append(entry)
        guard running < limits.groups, !isGathering else { return }
        isGathering = true
        // What the same turn of the loop has read from the sockets comes along.
        loop.atEndOfTick { self.assumeIsolated { $0.sendGroups() } }
    }

    private func sendGroups() {
        isGathering = false
        while running < limits.groups, !waiting.isEmpty {
            let group = nextGroup()
            guard !group.isEmpty else { continue }
            running += 1
            // Lives as long as the calls of its callers: it ends with the last that waits for it, and the pool bounds it.
            let task = loop.spawn { await self.send(group) }
            let audience = Audience(group.count) { task.cancel() }
            for entry in group { entry.caller.join(audience) }
        }
    }

    /// The first that wait, less those whose callers have gone or whose time is over. Of two with one key the second goes alone: it is
    /// a repetition, whose answer is the first one's.
    private func nextGroup() -> [Entry] {
        let now = loop.now
        let taken = waiting.prefix(limits.expenses)
        waiting.removeFirst(taken.count)
        var keys: Set<IdempotencyKey> = []
        return taken.filter { entry in
            guard !entry.caller.isAnswered else { return false }
            guard entry.deadline > now else {
                entry.caller.answer(.failure(PostgresError(.timedOut, "the bound passed while waiting for a group")))
                return false
            }
            if let key = entry.write.receipt?.key, !keys.insert(key).inserted {
                entry.caller.answer(.success(false))
                return false
            }
            return true
        }
    }

    private func send(_ group: [Entry]) async {
        do throws(PostgresError) {
            let bound = (group.lazy.map(\.deadline).min() ?? loop.now) - loop.now
            FaultPoint.reached("service.before-commit")
            let results = try await pool.batch(
                ExpenseWrite.statements(for: group.map(\.write), outbox: outbox), timeout: bound)
            let written = try ExpenseWrite.written(results)
            for entry in group { entry.caller.answer(.success(written.contains(entry.write.expense.id))) }
        } catch {
            // What the server refused is rolled back, and each tells its own story alone.
            let isUndone = error.sqlState != nil && !error.isOutcomeUnknown
            for entry in group { entry.caller.answer(isUndone ? .success(false) : .failure(error)) }
        }
        running -= 1
        sendGroups()
    }
}

/// Who waits for an expense: answered once, by the group or by the cancellation, whichever is first.
private final class Caller: Sendable {
    typealias Answer = Result<Bool, PostgresError>

    private struct State {
        var continuation: CheckedContinuation<Answer, Never>?
        var answer: Answer?
        var audience: Audience?
    }

    private let state = Mutex(State())

    var isAnswered: Bool { state.withLock { $0.answer != nil } }

    func wait(_ continuation: CheckedContinuation<Answer, Never>) {
        let answer = state.withLock { state in
            if state.answer == nil { state.continuation = continuation }
            return state.answer
        }
        if let answer { continuation.resume(returning: answer) }
    }

    func answer(_ answer: Answer) {
        let (continuation, audience) = state.withLock { state -> (CheckedContinuation<Answer, Never>?, Audience?) in
            guard state.answer == nil else { return (nil, nil) }
            state.answer = answer
            defer {
                state.continuation = nil
                state.audience = nil
            }
            return (state.continuation, state.audience)
        }
        continuation?.resume(returning: answer)
        audience?.leave()
    }

    /// From now on it counts among those whom a group is written for.
    func join(_ audience: Audience) {
        let hasGone = state.withLock { state in
            if state.answer == nil { state.audience = audience }
            return state.answer != nil
        }
        if hasGone { audience.leave() }
    }
}

/// Those whom a group is written for; does something when the last of them has gone.
private final class Audience: Sendable {
    private let count: Mutex<Int>
    private let whenEmpty: @Sendable () -> Void

    init(_ count: Int, whenEmpty: @escaping @Sendable () -> Void) {
        self.count = Mutex(count)
        self.whenEmpty = whenEmpty
    }

    func leave() {
        let isEmpty = count.withLock { count in
            count -= 1
            return count == 0
        }
        if isEmpty { whenEmpty() }
    }
}
