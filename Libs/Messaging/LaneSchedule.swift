/// Which events a consumer works on next, as a value on an injected clock.
///
/// A lane is the queue of one partition key. Within a lane order holds: the next event starts when the one before it is
/// settled. Lanes run side by side up to a bound, several of them as one batch where they queue up. A lane whose event
/// failed waits its time while the others go on.
struct LaneSchedule<Item: Sendable>: Sendable {
    /// Bounds of a consumer's work.
    struct Limits: Sendable, Hashable {
        /// Batches under way at a time.
        var concurrency = 8
        /// Events in one batch, hence in one transaction.
        var batch = 16
    }

    /// What is to be done with the events of a batch.
    enum Job: Sendable, Hashable {
        /// Hand them to the handler.
        case handle
        /// Put the one event aside.
        case park(Parking)
    }

    /// Why an event is put aside.
    struct Parking: Sendable, Hashable {
        let reason: DeadLetterReason
        let attempts: Int
        let error: String
    }

    /// A batch on its way; pass it back to `finish`.
    struct Batch: Sendable {
        let job: Job
        let items: [Item]
        fileprivate let lanes: [(key: String, count: Int)]
    }

    /// How a batch ended.
    enum Outcome: Sendable, Hashable {
        /// All settled: effects committed, or duplicates, or put aside.
        case settled
        /// Nothing happened: an earlier event of the same aggregate is put aside, so this one follows it.
        case behindParked
        /// Was to follow an earlier event that is put aside no longer: to be handled after all.
        case released
        /// Nothing happened, for a reason that will pass by itself.
        case transient
        /// Nothing happened: the handler, or one of them, failed.
        case failed(error: String)
        /// Nothing happened and no further try can help.
        case unprocessable(error: String)
    }

    private struct Entry {
        let item: Item
        let isLastTry: Bool
    }

    private struct Lane {
        var entries: [Entry] = []
        /// Failures of the handler with the first item.
        var failures = 0
        var transientFailures = 0
        /// Set when the first item is to be put aside.
        var parking: Parking?
        /// One at a time until an item is settled, so that the culprit of a failed batch is found.
        var isSingle = false

        /// Forgets the first items and what was remembered about the first.
        mutating func settle(_ count: Int) {
            entries.removeFirst(count)
            failures = 0
            transientFailures = 0
            parking = nil
            isSingle = false
        }
    }

    private let limits: Limits
    private let policy: RetryPolicy
    private var lanes: [String: Lane] = [:]
    private var ready: [String] = []
    private var readyStart = 0
    private var sleeping: [(until: Duration, key: String)] = []
    private var running = 0

    init(limits: Limits = Limits(), policy: RetryPolicy = .standard) {
        self.limits = limits
        self.policy = policy
    }

    /// How many lanes have events.
    var laneCount: Int { lanes.count }

    /// When a sleeping lane is due, if any sleeps.
    var nextWake: Duration? { sleeping.last?.until }

    /// Appends an event to its lane.
    ///
    /// - Parameters:
    ///   - parking: puts it aside at once when its turn comes; for the first event of a lane only.
    ///   - isLastTry: its first failure puts it aside.
    mutating func enqueue(_ item: Item, lane key: String, parking: Parking? = nil, isLastTry: Bool = false) {
        precondition(parking == nil || lanes[key] == nil, "only the first event of a lane is put aside")
        if lanes[key] == nil {
            lanes[key] = Lane(parking: parking)
            ready.append(key)
        }
        lanes[key]?.entries.append(Entry(item: item, isLastTry: isLastTry))
    }

    /// The next batch to work on; nil when the bound is reached or every lane waits.
    mutating func start(now: Duration) -> Batch? {
        wake(now: now)
        guard running < limits.concurrency, let first = takeReady() else { return nil }
        running += 1
        if let parking = lanes[first]?.parking {
            return Batch(job: .park(parking), items: begin(first, limit: 1), lanes: [(first, 1)])
        }
        var items: [Item] = []
        var taken: [(key: String, count: Int)] = []
        let isSingle = lanes[first]?.isSingle ?? false
        var key: String? = first
        while let lane = key {
            let part = begin(lane, limit: isSingle ? 1 : limits.batch - items.count)
            items += part
            taken.append((lane, part.count))
            // The bound on concurrency is better used by lanes of their own, as long as it is not reached.
            guard !isSingle, items.count < limits.batch, running == limits.concurrency, canShareNext() else { break }
            key = takeReady()
        }
        return Batch(job: .handle, items: items, lanes: taken)
    }

    /// Takes a batch back, with what became of it.
    mutating func finish(
        _ batch: Batch, _ outcome: Outcome, now: Duration, using random: inout some RandomNumberGenerator
    ) {
        running -= 1
        for (key, count) in batch.lanes {
            guard var lane = lanes[key] else { preconditionFailure("a lane lives as long as it has events") }
            let isAlone = batch.items.count == 1
            switch outcome {
            case .settled:
                lane.settle(count)
            case .transient:
                lane.transientFailures += 1
                // A deadlock between batches does not come again between single events.
                lane.isSingle = !isAlone
                sleep(key, for: policy.transientDelay(afterFailures: lane.transientFailures, using: &random), now: now)
            case .released:
                lane.parking = nil
            case .behindParked, .failed, .unprocessable:
                lane.transientFailures = 0
                if isAlone {
                    fail(key, &lane, outcome, now: now, using: &random)
                } else {
                    lane.isSingle = true
                }
            }
            release(key, &lane)
        }
    }

    private mutating func fail(
        _ key: String, _ lane: inout Lane, _ outcome: Outcome, now: Duration,
        using random: inout some RandomNumberGenerator
    ) {
        if outcome != .behindParked { lane.failures += 1 }
        switch outcome {
        case .behindParked:
            lane.parking = Parking(
                reason: .behindParked, attempts: lane.failures, error: "an earlier event of the aggregate is parked")
        case .unprocessable(let error):
            lane.parking = Parking(reason: .unprocessable, attempts: lane.failures, error: error)
        case .failed(let error):
            let isLast = lane.entries.first?.isLastTry ?? false
            if !isLast, let delay = policy.handlerDelay(afterFailures: lane.failures, using: &random) {
                sleep(key, for: delay, now: now)
            } else {
                lane.parking = Parking(reason: .handlerFailed, attempts: lane.failures, error: error)
            }
        case .settled, .transient, .released:
            break
        }
    }

    /// Gives up an empty lane; one that does not sleep is ready again.
    private mutating func release(_ key: String, _ lane: inout Lane) {
        if lane.entries.isEmpty {
            lanes[key] = nil
            return
        }
        if !sleeping.contains(where: { $0.key == key }) { ready.append(key) }
        lanes[key] = lane
    }

    private mutating func takeReady() -> String? {
        guard readyStart < ready.count else { return nil }
        defer {
            readyStart += 1
            if readyStart == ready.count || readyStart > 1024 {
                ready.removeFirst(readyStart)
                readyStart = 0
            }
        }
        return ready[readyStart]
    }

    /// Whether the lane next in turn may join a batch.
    private func canShareNext() -> Bool {
        guard readyStart < ready.count, let lane = lanes[ready[readyStart]] else { return false }
        return lane.parking == nil && !lane.isSingle
    }

    private func begin(_ key: String, limit: Int) -> [Item] {
        guard let lane = lanes[key] else { preconditionFailure("a ready lane has events") }
        return lane.entries.prefix(limit).map(\.item)
    }

    private mutating func sleep(_ key: String, for delay: Duration, now: Duration) {
        let until = now + delay
        let position = sleeping.firstIndex { $0.until <= until } ?? sleeping.endIndex
        sleeping.insert((until, key), at: position)
    }

    private mutating func wake(now: Duration) {
        while let last = sleeping.last, last.until <= now {
            sleeping.removeLast()
            ready.append(last.key)
        }
    }
}
