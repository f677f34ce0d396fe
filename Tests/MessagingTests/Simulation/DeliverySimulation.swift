import TestKit
@testable import Messaging

/// The whole way of an event, from the transaction that writes it to its effects, on a simulated clock, network, broker and
/// database. Every choice comes from one seed.
final class DeliverySimulation {
    /// A mistake that the simulation must find.
    enum PlantedBug: CaseIterable {
        case deletesBeforeConfirm, sendsKeyInParallel, acknowledgesBeforeCommit, forgetsInbox, parksAlone
    }

    /// The probability of each fault where it can happen.
    struct Faults {
        var crash = 0.01
        var database = 0.02
        var connection = 0.01
        var nack = 0.02
        var unroutable = 0.003
        var handler = 0.03

        static let none = Faults(crash: 0, database: 0, connection: 0, nack: 0, unroutable: 0, handler: 0)
    }

    /// How often things happened, so that a test can tell that they do.
    struct Counts {
        var crashes = 0, takeovers = 0, cuts = 0, nacks = 0, unroutable = 0, late = 0, redeliveries = 0
        var duplicates = 0, replayed = 0
    }

    static let keys = 10
    static let aggregates = 25

    let plantedBug: PlantedBug?
    let keyNames = (0..<DeliverySimulation.keys).map { "k\($0)" }
    let keyNumbers: [String: Int]
    let outbox = SimulatedOutbox(aggregates: DeliverySimulation.aggregates)
    let broker = SimulatedBroker(consumers: 2)
    let inboxes = (0..<2).map { _ in
        SimulatedInbox(keys: DeliverySimulation.keys, aggregates: DeliverySimulation.aggregates)
    }
    let relays = [SimulatedRelay(number: 0), SimulatedRelay(number: 1)]
    /// Two processes for each of two queues; one of them is active.
    let consumers = [0, 0, 1, 1].map { SimulatedConsumer(queue: $0) }
    var active = [0, 0]
    var connections = [0, 0]
    /// Which relay's session has the lock.
    var shardOwner: Int?
    var faults = Faults()
    var counts = Counts()
    var random: SeededGenerator
    private(set) var now = Duration.zero
    private(set) var steps = 0
    /// The first promise that was broken.
    private(set) var violation: String?
    private var poisonFrom = 0

    init(seed: UInt64, plantedBug: PlantedBug? = nil) {
        random = SeededGenerator(seed: seed)
        self.plantedBug = plantedBug
        keyNumbers = Dictionary(uniqueKeysWithValues: keyNames.enumerated().map { ($1, $0) })
    }

    /// Runs with faults, then without until everything is done with.
    ///
    /// - Returns: the first promise that was broken, nil when none was.
    func run(steps limit: Int) -> String? {
        while steps < limit, violation == nil { step() }
        faults = .none
        poisonFrom = .max
        let end = steps + limit / 4 + 200_000
        while !isDone, steps < end, violation == nil {
            if steps.isMultiple(of: 5_000) { for inbox in inboxes { inbox.requestAll() } }
            step(isClosing: true)
        }
        return violation ?? (isDone ? nil : "something that was committed has no effect")
    }

    func report(_ broken: String) { if violation == nil { violation = "step \(steps): \(broken)" } }

    func chance(_ probability: Double) -> Bool {
        probability > 0 && Double(random.next() >> 11) < probability * 0x1p53
    }

    /// Some events cannot be handled until somebody has put things right.
    func isPoison(_ event: SimulatedEvent) -> Bool { event.id >= poisonFrom && event.id % 41 == 5 }

    private var isDone: Bool {
        outbox.open.isEmpty && outbox.rows.isEmpty && inboxes.allSatisfy(\.isComplete)
    }

    private func step(isClosing: Bool = false) {
        steps += 1
        now += .milliseconds(Int(random.next() & 31))
        switch random.next() % 100 {
        case 0..<8: if isClosing { end() } else { write() }
        case 8..<28: step(relays[Int(random.next() & 1)])
        case 28..<46: receive()
        case 46..<62: deliver(to: Int(random.next() & 1))
        case 62..<97: work(consumers[Int(random.next() & 3)])
        case 97: replay(consumers[Int(random.next() & 3)])
        case 98: decide()
        default: disturb()
        }
    }

    /// A request writes: it opens a transaction, or an open one ends.
    private func write() {
        guard outbox.open.count < 3, outbox.rows.count < 60, broker.queues[0].readyCount < 60 else { return end() }
        let aggregate = Int(random.next() % UInt64(Self.aggregates))
        let key = aggregate % Self.keys
        guard !outbox.isLocked(key) else { return end() }
        outbox.write(key: key, aggregate: aggregate, count: Int(random.next() % 3) + 1)
    }

    private func end() {
        guard let index = outbox.open.indices.randomElement(using: &random) else { return }
        if chance(faults.database) { return outbox.rollback(index) }
        for event in outbox.commit(index) {
            for (number, inbox) in inboxes.enumerated() where event.isFor(consumer: number) { inbox.committed(event) }
        }
    }

    /// An operator has what is put aside handled again, mostly after having put right what was wrong.
    private func decide() {
        guard chance(0.03) else { return }
        if chance(0.8), let last = outbox.rows.last { poisonFrom = max(poisonFrom, last.id) }
        for inbox in inboxes { inbox.requestAll() }
    }

    private func disturb() {
        guard faults.crash > 0 else { return }
        let relay = relays[Int(random.next() & 1)]
        switch random.next() % 8 {
        case 0:
            counts.crashes += 1
            broker.cut(relay.connection, keeping: Int(random.next() & 3))
            loseSession(of: relay)
            relay.crash()
        // It goes on as if it had the lock, until its next statement.
        case 1: loseSession(of: relay)
        case 2: cut(relay)
        case 3, 4: kill(consumers[Int(random.next() & 3)])
        case 5, 6: disconnect(Int(random.next() & 1))
        // The machine stalls.
        default: now += .seconds(Int(random.next() % 8))
        }
    }
}
