internal import Synchronization

extension EventLoop {
    /// Takes a job of the concurrency runtime; called by the runtime from any thread.
    package func enqueue(_ job: consuming ExecutorJob) { post(.job(UnownedJob(job))) }

    /// Runs `body` on the loop, after everything that was handed in before by the same thread.
    package func execute(_ body: @escaping @Sendable () -> Void) { post(.call(body)) }

    /// Runs `body` at the end of the present turn of the loop, after the jobs: the place to write out what the turn has
    /// gathered. On the loop only.
    package func atEndOfTick(_ body: @escaping @Sendable () -> Void) {
        preconditionCurrent()
        endOfTick.append(body)
    }

    /// Starts a task that runs on the loop. On the loop it begins at once, up to its first suspension, so that an
    /// operation that does not suspend is over when this returns. The caller owns the task.
    @discardableResult
    package func spawn(_ operation: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        guard isCurrent else { return Task.detached(executorPreference: self) { await operation() } }
        return Task.immediateDetached(executorPreference: self) { await operation() }
    }

    /// Runs `body` on the loop and returns its result. For code that is not isolated to the loop.
    package func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            execute { continuation.resume(with: Result(catching: body)) }
        }
    }

    /// Called by the runtime when it cannot tell by itself whether code is isolated to this executor, as in
    /// `assumeIsolated` within a C callback.
    package func checkIsolated() { preconditionCurrent() }

    /// As `checkIsolated`, without trapping.
    package func isIsolatingCurrentContext() -> Bool? { isCurrent }

    private func post(_ work: Work) {
        if isCurrent {
            local.append(work)
            return
        }
        remote.withLock { state in
            state.queue.append(work)
            guard !state.phase.isOver else { return startLateRunner(&state) }
            guard !state.isSignalled else { return }
            state.isSignalled = true
            // Under the lock, so that the wake-up handle cannot be closed in between.
            core.signal()
        }
    }

    /// One turn: jobs, then the end-of-tick bodies, until both are done or the turn's share is used up. Runs before and
    /// after each poll of the sockets.
    func turn() {
        takeRemote()
        var budget = Self.jobsPerTurn
        repeat {
            while budget > 0, let work = local.popFirst() {
                budget -= 1
                perform(work)
            }
            flushEndOfTick()
            budget -= 1
        } while budget > 0 && !(local.isEmpty && endOfTick.isEmpty)
        core.setBusy(!(local.isEmpty && endOfTick.isEmpty))
    }

    /// Runs whatever there is, without a bound: for the time after the loop's end.
    func runAll() {
        takeRemote()
        while let work = local.popFirst() { perform(work) }
        flushEndOfTick()
    }

    private func takeRemote() {
        remote.withLock { state in
            state.isSignalled = false
            if !state.queue.isEmpty { local.take(all: &state.queue) }
        }
    }

    private func flushEndOfTick() {
        guard !endOfTick.isEmpty else { return }
        var bodies: [@Sendable () -> Void] = []
        swap(&bodies, &endOfTick)
        for body in bodies { body() }
    }

    private func perform(_ work: Work) {
        switch work {
        case .none: break
        case .call(let body): body()
        case .job(let job):
            unsafe job.runSynchronously(
                isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
        }
    }
}
