/// Which connections there are, what each is doing, and when to open or drop one: the pool's decisions as a value.
struct PoolLedger {
    /// The pool's bounds.
    struct Limits {
        var minimum: Int
        var maximum: Int
        /// Batches on their way over one connection.
        var depth: Int
        /// How long a connection beyond the minimum may be unused.
        var idle: Duration
    }

    /// One connection, from the decision to open it.
    struct Slot {
        let id: Int
        var isReady = false
        var inFlight = 0
        var isLeased = false
        var isQuarantined = false
        /// The end of its last use by a caller.
        var idleSince: Duration = .zero
        /// When the server was last heard of.
        var heardAt: Duration = .zero
        fileprivate var isProbing = false

        var isIdle: Bool { isReady && inFlight == 0 && !isLeased && !isQuarantined }
        fileprivate var isUsable: Bool { isReady && !isLeased && !isQuarantined }
    }

    let limits: Limits
    private(set) var slots: [Slot] = []
    /// Attempts to connect that failed since the last that succeeded.
    private(set) var failures = 0
    /// Not before this time may the next attempt begin.
    private(set) var retryAt: Duration = .zero
    private var lastID = 0
    private let backoff: Backoff

    init(limits: Limits, backoff: Backoff) {
        self.limits = limits
        self.backoff = backoff
    }

    var readyCount: Int { slots.count { $0.isReady } }
    var idleCount: Int { slots.count { $0.isIdle } }
    var hasWorkInFlight: Bool { slots.contains { $0.inFlight > 0 } }

    /// Whether there are fewer connections than the minimum.
    var needsConnections: Bool { slots.count < limits.minimum }

    // MARK: Choosing

    /// The least loaded connection that takes another batch.
    func connectionForBatch() -> Int? {
        slots.lazy.filter { $0.isUsable && $0.inFlight < limits.depth }.min { $0.inFlight < $1.inFlight }?.id
    }

    /// The least loaded connection that nobody holds. Its present batches go on: the pipeline keeps the order.
    func connectionForLease() -> Int? {
        slots.lazy.filter(\.isUsable).min { $0.inFlight < $1.inFlight }?.id
    }

    // MARK: Opening and closing

    /// Reserves the connections to open now: up to the minimum, and one more than the busy ones while there is demand.
    /// After a failure only one tries at a time, when its wait is over.
    mutating func open(hasDemand: Bool, now: Duration) -> [Int] {
        let opening = slots.count { !$0.isReady }
        let busy = slots.count { $0.isReady && !$0.isIdle }
        let desired = min(max(limits.minimum, busy + (hasDemand ? 1 : 0)), limits.maximum)
        var wanted = desired - slots.count
        if failures > 0 { wanted = now < retryAt ? 0 : min(wanted, 1 - opening) }
        guard wanted > 0 else { return [] }
        return (0..<wanted).map { _ in
            lastID += 1
            slots.append(Slot(id: lastID))
            return lastID
        }
    }

    /// Records what a connection is doing.
    mutating func update(
        _ id: Int, inFlight: Int, isLeased: Bool, isQuarantined: Bool, now: Duration
    ) {
        guard let index = slots.firstIndex(where: { $0.id == id }) else { return }
        if !slots[index].isReady {
            slots[index].isReady = true
            failures = 0
        }
        let wasIdle = slots[index].isIdle
        slots[index].inFlight = inFlight
        slots[index].isLeased = isLeased
        slots[index].isQuarantined = isQuarantined
        if isLeased || inFlight > 1 { slots[index].isProbing = false }
        guard slots[index].isIdle else { return }
        if wasIdle && slots[index].heardAt != .zero { return }
        slots[index].heardAt = now
        if !slots[index].isProbing { slots[index].idleSince = now }
        slots[index].isProbing = false
    }

    /// Records that what the connection is doing now is a probe, which is no use by a caller.
    mutating func probing(_ id: Int) {
        guard let index = slots.firstIndex(where: { $0.id == id }) else { return }
        slots[index].isProbing = true
    }

    /// Records that a connection is gone. One that never became ready counts as a failed attempt.
    mutating func closed(_ id: Int, now: Duration) {
        guard let index = slots.firstIndex(where: { $0.id == id }) else { return }
        let slot = slots.remove(at: index)
        guard !slot.isReady else { return }
        failures += 1
        retryAt = now + backoff.delay(afterFailures: failures)
    }

    /// The connections beyond the minimum that were idle for too long.
    func surplus(now: Duration) -> [Int] {
        let expired = slots.filter { $0.isIdle && now - $0.idleSince >= limits.idle }
        return expired.prefix(max(0, slots.count - limits.minimum)).map(\.id)
    }

    /// Idle connections that have been silent since `time`: worth a question whether they still live.
    func silent(since time: Duration) -> [Int] {
        slots.filter { $0.isIdle && $0.heardAt <= time }.map(\.id)
    }
}
