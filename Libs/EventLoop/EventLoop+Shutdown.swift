internal import Synchronization

extension EventLoop {
    /// Closes every handle, ends every sleep, joins the thread. Delegates hear of their connections' end before this
    /// returns. Idempotent, and callable from a task on the loop itself. Work handed in later still runs.
    package func shutdown() async {
        await withCheckedContinuation { continuation in
            enum Step { case resume, wait, stop }
            let step = remote.withLock { state -> Step in
                switch state.phase {
                case .idle:
                    state.phase = .joined
                    if !state.queue.isEmpty { startLateRunner(&state) }
                    return .resume
                case .running:
                    state.phase = .stopping
                    state.waitingForEnd.append(continuation)
                    return .stop
                case .stopping, .ended:
                    state.waitingForEnd.append(continuation)
                    return .wait
                case .joined: return .resume
                }
            }
            switch step {
            case .resume: continuation.resume()
            case .wait: break
            case .stop: execute { self.core.stop() }
            }
        }
    }

    /// What the loop's thread does.
    func threadMain() {
        thread.store(Self.currentThread, ordering: .releasing)
        core.run()
        closeEverything()
        leaveThread()
    }

    private func closeEverything() {
        isClosing = true
        core.forEachOwner { $0.loopWillShutDown() }
        abandonTimers()
        // The close callbacks, and the jobs they wake, need turns of the loop; every handle is closing by now.
        while openHandles > 0 { core.runOnce() }
        turn()
    }

    /// Leaves the loop's thread for good. What was handed in meanwhile goes to a late runner.
    private func leaveThread() {
        remote.withLock { state in
            state.phase = .ended
            core.close()
            var rest = WorkQueue()
            swap(&rest, &local)
            rest.take(all: &state.queue)
            state.queue = rest
            thread.store(0, ordering: .releasing)
            if !state.queue.isEmpty || !endOfTick.isEmpty { startLateRunner(&state) }
        }
        // A thread cannot join itself, and the caller of `shutdown` may sit on it.
        LoopThread(name: name) { [self] in
            let (ended, waiting) = remote.withLock { state in (state.loopThread, state.waitingForEnd) }
            ended?.join()
            remote.withLock { state in
                state.phase = .joined
                state.loopThread = nil
                state.waitingForEnd = []
            }
            for continuation in waiting { continuation.resume() }
        }.detach()
    }
}

extension EventLoop {
    /// Work that arrives after the end still has to run, or whoever awaits it would hang: a short-lived thread takes the
    /// loop's place, one at a time. Handles are all closed by then, so no libuv call is made. Called under the lock.
    func startLateRunner(_ state: inout Remote) {
        guard !state.isRunningLate else { return }
        state.isRunningLate = true
        LoopThread(name: name) { [self] in runLate() }.detach()
    }

    private func runLate() {
        thread.store(Self.currentThread, ordering: .releasing)
        isClosing = true
        repeat { runAll() } while !finishLate()
    }

    private func finishLate() -> Bool {
        remote.withLock { state in
            guard state.queue.isEmpty, local.isEmpty, endOfTick.isEmpty else { return false }
            thread.store(0, ordering: .releasing)
            state.isRunningLate = false
            return true
        }
    }
}
