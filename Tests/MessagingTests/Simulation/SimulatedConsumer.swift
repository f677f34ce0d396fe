@testable import Messaging

/// A process that consumes a queue, around `ConsumerLedger`.
final class SimulatedConsumer {
    struct Item: Sendable, Identifiable {
        let event: SimulatedEvent
        let letter: Int?

        var id: Int { event.id }
    }

    enum Ticket: Sendable {
        case delivery(tag: Int, connection: Int)
        case replay
    }

    let queue: Int
    var ledger = SimulatedConsumer.makeLedger()
    var running: [LaneSchedule<Item>.Batch] = []
    var replaying = 0

    init(queue: Int) { self.queue = queue }

    /// Killed and started again.
    func crash() {
        ledger = Self.makeLedger()
        running = []
        replaying = 0
    }

    private static func makeLedger() -> ConsumerLedger<Item, Ticket> {
        ConsumerLedger(limits: .init(concurrency: 3, batch: 4), policy: .standard)
    }
}

extension DeliverySimulation {
    /// The broker delivers one message to the active consumer of a queue.
    func deliver(to number: Int) {
        let consumer = consumers[number * 2 + active[number]]
        guard consumer.ledger.unsettled < 40,
            let (tag, event) = broker.deliver(from: broker.queues[number], prefetch: 20)
        else { return }
        consumer.ledger.accept(
            .delivery(tag: tag, connection: connections[number]),
            [.init(item: .init(event: event, letter: nil), lane: keyNames[event.key])])
        if plantedBug == .acknowledgesBeforeCommit { broker.acknowledge(tag, on: broker.queues[number]) }
    }

    /// A process begins what may begin, or brings one batch to its end.
    func work(_ consumer: SimulatedConsumer) {
        if let batch = consumer.ledger.start(now: now) { return consumer.running.append(batch) }
        guard let index = consumer.running.indices.randomElement(using: &random) else { return }
        let batch = consumer.running.remove(at: index)
        let outcome = perform(batch, consumer)
        // Killed between commit and acknowledgement.
        if chance(faults.crash) { return kill(consumer) }
        let done = consumer.ledger.finish(batch, outcome, now: now, using: &random)
        for ticket in done {
            switch ticket {
            case .replay: consumer.replaying -= 1
            case .delivery(let tag, let connection) where connection == connections[consumer.queue]:
                broker.acknowledge(tag, on: broker.queues[consumer.queue])
            case .delivery: break
            }
        }
    }

    private typealias Outcome = LaneSchedule<SimulatedConsumer.Item>.Outcome

    private func perform(_ batch: LaneSchedule<SimulatedConsumer.Item>.Batch, _ consumer: SimulatedConsumer) -> Outcome
    {
        if chance(faults.database) { return .transient }
        let inbox = inboxes[consumer.queue]
        let outcome: Outcome =
            switch batch.job {
            case .handle: handle(batch.items, inbox)
            case .park(let parking): park(batch.items[0], inbox, isBehind: parking.reason == .behindParked)
            }
        // It took effect, and its answer is lost.
        return outcome == .settled && chance(faults.database) ? .transient : outcome
    }

    private func park(_ item: SimulatedConsumer.Item, _ inbox: SimulatedInbox, isBehind: Bool) -> Outcome {
        guard item.letter == nil else {
            inbox.withdraw(item.event.aggregate)
            return .settled
        }
        return inbox.park(item.event, isBehind: isBehind) ? .settled : .released
    }

    /// One transaction: claims, handler, commit.
    private func handle(_ items: [SimulatedConsumer.Item], _ inbox: SimulatedInbox) -> Outcome {
        var taken: [SimulatedConsumer.Item] = []
        var removed: [Int] = []
        var behind: [Int] = []
        for item in items {
            if let letter = item.letter {
                switch inbox.claimLetter(letter, of: item.event.aggregate, removed: removed) {
                case .taken:
                    removed.append(letter)
                    taken.append(item)
                case .duplicate: removed.append(letter)
                case .behind: behind.append(letter)
                case .absent: break
                }
            } else {
                switch inbox.claim(item.event, removed: removed) {
                case .taken: taken.append(item)
                case .duplicate: counts.duplicates += 1
                case .behindParked where plantedBug == .parksAlone: taken.append(item)
                case .behindParked: return .behindParked
                }
            }
        }
        for item in taken where isPoison(item.event) {
            return item.event.id.isMultiple(of: 2) ? .failed(error: "no") : .unprocessable(error: "never")
        }
        if !taken.isEmpty, chance(faults.handler) { return chance(0.5) ? .failed(error: "no") : .transient }
        for letter in behind { inbox.withdraw(letter: letter) }
        for item in taken {
            if let letter = item.letter { inbox.removeLetter(letter) }
            let records = plantedBug != .forgetsInbox
            if let broken = inbox.apply(item.event, recording: records, isLetter: item.letter != nil) { report(broken) }
            if item.letter != nil { counts.replayed += 1 }
        }
        // Those that were handled before.
        for letter in removed { inbox.removeLetter(letter) }
        return .settled
    }

    /// A process looks for letters that are to be handled again.
    func replay(_ consumer: SimulatedConsumer) {
        guard consumer.replaying == 0 else { return }
        for letter in inboxes[consumer.queue].letters.lazy.filter(\.isRequested).prefix(20) {
            consumer.replaying += 1
            consumer.ledger.accept(
                .replay,
                [
                    .init(
                        item: .init(event: letter.event, letter: letter.number), lane: keyNames[letter.event.key],
                        isLastTry: true)
                ])
        }
    }

    /// Its connection goes with the process.
    func kill(_ consumer: SimulatedConsumer) {
        counts.crashes += 1
        consumer.crash()
        if consumers[consumer.queue * 2 + active[consumer.queue]] === consumer { disconnect(consumer.queue) }
    }

    /// The active consumer of a queue loses its connection; another process may be next.
    func disconnect(_ number: Int) {
        connections[number] += 1
        broker.queues[number].giveBack()
        if chance(0.5) { active[number] = 1 - active[number] }
        counts.redeliveries += 1
    }
}
