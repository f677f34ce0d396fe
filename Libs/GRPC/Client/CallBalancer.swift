internal import EventLoop
internal import Synchronization

/// Spreads the calls of a channel over its addresses: round robin over those that are ready, a bounded queue before them.
// @unchecked Sendable: confined to the loop, but for `published`, which is locked.
final class CallBalancer: @unchecked Sendable {
    private let loop: EventLoop
    private let configuration: GRPCChannel.Configuration
    private var subchannels: [Subchannel] = []
    /// Addresses that get no more calls; each goes when the last of its calls is over.
    private var retired: [Subchannel] = []
    /// Until when calls wait for an address, after the last one has gone.
    private var absenceEnd: Duration?
    private var next = 0
    private var calls: [ObjectIdentifier: ClientCall] = [:]
    private var queue: [ClientCall] = []
    /// How many refused calls may be sent again before one is answered. Several times the streams that a server is likely to
    /// allow: it may count all of them as open for a moment longer than we do.
    private static let refusalLimit = 500
    /// The refused calls that were sent again since the last answer.
    private var refusals = 0
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

    /// The next address with room; one that is ejected only where there is no other.
    private func pick() -> Subchannel? {
        var ejected: Int?
        for offset in 0..<subchannels.count {
            let index = (next + offset) % subchannels.count
            guard subchannels[index].available != nil else { continue }
            guard subchannels[index].record.mayBeAsked(at: loop.now) else {
                ejected = ejected ?? index
                continue
            }
            next = index + 1
            return subchannels[index]
        }
        return ejected.map { subchannels[$0] }
    }

    private func trySend(_ call: ClientCall) -> Bool {
        guard let subchannel = pick(), let connection = subchannel.available else { return false }
        let previous = call.subchannel
        guard connection.send(call, of: subchannel, userAgent: configuration.userAgent) else { return false }
        guard !call.isFinished else { return true }
        previous.map { leave($0, call) }
        subchannel.calls += 1
        subchannel.sent()
        call.isProbe = subchannel.record.sent(at: loop.now)
        return true
    }

    private func leave(_ subchannel: Subchannel, _ call: ClientCall) {
        subchannel.calls -= 1
        if call.isProbe { subchannel.record.probeEnded() }
        call.isProbe = false
    }

    /// Notes how an address answered a call, and on the call whether others answer in its place from now on. Only where there
    /// are such others is an address ejected, and no more than half of the addresses at a time.
    private func judge(_ call: ClientCall) {
        guard let subchannel = call.subchannel, let status = call.status else { return }
        leave(subchannel, call)
        let now = loop.now
        let others = subchannels.filter { $0 !== subchannel }
        let ejected = others.count { $0.record.isEjected(at: now) }
        let isReplaceable = others.contains { $0.isReady && $0.record.mayBeAsked(at: now) }
        subchannel.record.note(
            status, at: now, mayEject: isReplaceable && 2 * (ejected + 1) <= subchannels.count)
        if isReplaceable, subchannel.record.isEjected(at: now) { call.noteEjection() }
        dropRetired()
    }

    private func drainQueue() {
        guard !queue.isEmpty else { return }
        if let reason = failure, !configuration.waitsForReady, !isBriefAbsence {
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
        noteAbsence(state)
        published.withLock { $0 = state }
        guard state == .ready || state == .shutDown, !readyWaiters.isEmpty else { return }
        let waiters = readyWaiters.values
        readyWaiters = [:]
        for waiter in waiters { waiter.resume(returning: state == .ready) }
    }

    /// Whether an address was ready a moment ago, so that calls wait for it: a service that is started anew is back soon.
    private var isBriefAbsence: Bool { absenceEnd.map { loop.now < $0 } ?? false }

    private func noteAbsence(_ state: GRPCChannel.State) {
        switch (published.withLock { $0 }, state) {
        case (_, .ready): absenceEnd = nil
        case (.ready, _):
            let isOrderly = subchannels.contains(where: \.hasSaidGoodbye)
            let grace = max(configuration.absenceGrace, isOrderly ? configuration.restartGrace : .zero)
            guard grace > .zero else { return }
            absenceEnd = loop.now + grace
            loop.schedule(after: grace) { [weak self] in self?.drainQueue() }
        default: break
        }
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

    // MARK: The addresses

    /// Calls go to these addresses from now on; calls under way at others are let end.
    func update(_ targets: [SocketAddress]) {
        guard !isShutDown else { return }
        let known = Dictionary(subchannels.map { ($0.address, $0) }) { first, _ in first }
        let wanted = Set(targets)
        let isInUse = !subchannels.allSatisfy { if case .idle = $0.state { true } else { false } }
        retired += subchannels.filter { !wanted.contains($0.address) }
        subchannels = targets.map {
            known[$0] ?? Subchannel(address: $0, loop: loop, configuration: configuration, owner: self)
        }
        dropRetired()
        if isInUse || !queue.isEmpty || !readyWaiters.isEmpty { connectAll() }
        publish()
        drainQueue()
    }

    private func dropRetired() {
        guard !retired.isEmpty else { return }
        let idle = retired.filter { $0.calls == 0 }
        retired.removeAll { $0.calls == 0 }
        for subchannel in idle { subchannel.shutDown()?.cancel() }
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
        return (subchannels + retired).compactMap { $0.shutDown() }
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

    func maySendAgain(_ call: ClientCall) -> Bool {
        guard refusals < Self.refusalLimit, call.subchannel?.restraint.mayGoOn ?? true else { return false }
        refusals += 1
        call.subchannel?.refused()
        return true
    }

    func ended(_ call: ClientCall) {
        calls[ObjectIdentifier(call)] = nil
        if call.status?.code == .ok { refusals = 0 }
        if call.status?.origin == .server { call.subchannel?.answered() }
        judge(call)
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
