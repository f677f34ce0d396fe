internal import EventLoop
internal import Synchronization

/// Spreads the calls of a channel over its addresses: round robin over those that are ready, a bounded queue before them.
// @unchecked Sendable: confined to the loop, but for `published`, which is locked.
final class CallBalancer: @unchecked Sendable {
    private let loop: EventLoop
    private let configuration: GRPCChannel.Configuration
    private var subchannels: [Subchannel] = []
    private var next = 0
    private var calls: [ObjectIdentifier: ClientCall] = [:]
    private var queue: [ClientCall] = []
    private var isShutDown = false
    private var idleWaiters: [CheckedContinuation<Void, Never>] = []
    private var readyWaiters: [UInt64: CheckedContinuation<Bool, Never>] = [:]
    private var nextWaiter: UInt64 = 0
    private let published = Mutex(GRPCChannel.State.idle)

    init(targets: [SocketAddress], loop: EventLoop, configuration: GRPCChannel.Configuration) {
        self.loop = loop
        self.configuration = configuration
        subchannels = targets.map {
            Subchannel(address: $0, loop: loop, configuration: configuration, owner: self)
        }
    }

    /// The channel's state as last seen on the loop. From anywhere.
    var state: GRPCChannel.State { published.withLock { $0 } }

    /// Begins to connect to addresses that were not tried yet.
    func connectAll() {
        guard !isShutDown else { return }
        for subchannel in subchannels { subchannel.connectIfIdle() }
        publish()
    }

    // MARK: Calls

    private func pick() -> Subchannel? {
        for offset in 0..<subchannels.count {
            let index = (next + offset) % subchannels.count
            if subchannels[index].available != nil {
                next = index + 1
                return subchannels[index]
            }
        }
        return nil
    }

    private func trySend(_ call: ClientCall) -> Bool {
        guard let subchannel = pick(), let connection = subchannel.available else { return false }
        return connection.send(call, authority: subchannel.authority, userAgent: configuration.userAgent)
    }

    private func drainQueue() {
        guard !queue.isEmpty else { return }
        if let reason = failure, !configuration.waitsForReady {
            let failed = queue
            queue = []
            for call in failed { call.finish(reason) }
            return
        }
        var sent = 0
        while sent < queue.count {
            let call = queue[sent]
            guard call.isFinished || trySend(call) else { break }
            sent += 1
        }
        queue.removeFirst(sent)
    }

    /// Why no call can go, when every address has failed.
    private var failure: GRPCStatus? {
        var reason: GRPCStatus?
        for subchannel in subchannels {
            guard case .failed(let status) = subchannel.state else { return nil }
            reason = status
        }
        return reason ?? GRPCStatus(.unavailable, "the channel has no address")
    }

    // MARK: State

    private func publish() {
        let state = currentState
        published.withLock { $0 = state }
        guard state == .ready || state == .shutDown, !readyWaiters.isEmpty else { return }
        let waiters = readyWaiters.values
        readyWaiters = [:]
        for waiter in waiters { waiter.resume(returning: state == .ready) }
    }

    private var currentState: GRPCChannel.State {
        if isShutDown { return .shutDown }
        var state = GRPCChannel.State.transientFailure
        for subchannel in subchannels {
            switch subchannel.state {
            case .ready: return .ready
            case .connecting: state = .connecting
            case .idle: if state != .connecting { state = .idle }
            case .failed, .shutDown: break
            }
        }
        return state
    }

    /// Waits until a call could go, as long as given; false when the time is over first.
    func awaitReady(within limit: Duration, _ continuation: CheckedContinuation<Bool, Never>) {
        connectAll()
        guard !isShutDown, state != .ready else { return continuation.resume(returning: !isShutDown) }
        nextWaiter += 1
        let id = nextWaiter
        readyWaiters[id] = continuation
        loop.schedule(after: limit) { [weak self] in
            self?.readyWaiters.removeValue(forKey: id)?.resume(returning: false)
        }
    }

    // MARK: The end

    /// Takes no more calls; `continuation` goes on when the last is over or the time is.
    func beginShutdown(within grace: Duration, _ continuation: CheckedContinuation<Void, Never>) {
        isShutDown = true
        publish()
        guard !calls.isEmpty, grace > .zero else { return continuation.resume() }
        idleWaiters.append(continuation)
        loop.schedule(after: grace) { [weak self] in self?.releaseIdleWaiters() }
    }

    /// Fails what is left and closes; the tasks are those still connecting.
    func finishShutdown() -> [Task<Void, Never>] {
        isShutDown = true
        publish()
        for call in calls.values { call.cancel(GRPCStatus(.unavailable, "the channel is shut down")) }
        queue = []
        return subchannels.compactMap { $0.shutDown() }
    }

    private func releaseIdleWaiters() {
        let waiters = idleWaiters
        idleWaiters = []
        for waiter in waiters { waiter.resume() }
    }
}

extension CallBalancer: ClientCallCarrier {
    func carry(_ call: ClientCall) {
        let isNew = calls[ObjectIdentifier(call)] == nil
        guard !(isNew && isShutDown) else { return call.finish(GRPCStatus(.unavailable, "the channel is shut down")) }
        guard calls.count < configuration.maximumCalls || !isNew else {
            return call.finish(GRPCStatus(.resourceExhausted, "too many calls are under way on the channel"))
        }
        calls[ObjectIdentifier(call)] = call
        connectAll()
        if queue.isEmpty, trySend(call) { return }
        queue.append(call)
        drainQueue()
    }

    func ended(_ call: ClientCall) {
        calls[ObjectIdentifier(call)] = nil
        if calls.isEmpty { releaseIdleWaiters() }
        // Calls that end while they are queued leave gaps, which must not pile up behind a full connection.
        if queue.count > 2 * calls.count + 64 { queue.removeAll { $0.isFinished } }
    }
}

extension CallBalancer: SubchannelOwner {
    func changed(_ subchannel: Subchannel) {
        publish()
        drainQueue()
    }
}
