@testable import Messaging

/// A relay process around `RelaySchedule` and `RelayRound`: its session, its connection, and where it stands.
final class SimulatedRelay {
    struct Wave {
        var rows: [SimulatedEvent]
        var round: RelayRound
        /// Rows of the wave under way, and what is answered so far.
        var indices: [Int]
        var answers: [PublishOutcome?]
    }

    enum Phase {
        case standby
        case reading
        case publishing(Wave)
        case deleting(Set<Int>)
    }

    let number: Int
    var phase = Phase.standby
    var schedule = RelaySchedule()
    var connection: Int
    var waitsUntil: Duration = .zero

    init(number: Int) {
        self.number = number
        connection = number
    }

    /// Killed and started again.
    func crash() {
        phase = .standby
        schedule = RelaySchedule()
        renewConnection()
    }

    func renewConnection() { connection += 16 }

    func answer(_ place: Int, on connection: Int, _ outcome: PublishOutcome) {
        guard connection == self.connection, case .publishing(var wave) = phase else { return }
        wave.answers[place] = outcome
        phase = .publishing(wave)
    }

    /// The connection broke: whatever is unanswered has failed.
    func lostConnection() {
        renewConnection()
        guard case .publishing(var wave) = phase else { return }
        wave.answers = wave.answers.map { $0 ?? .failed(reason: "connection lost") }
        phase = .publishing(wave)
    }
}

extension DeliverySimulation {
    /// One step of a relay: a statement, a wave sent, or a wave judged.
    func step(_ relay: SimulatedRelay) {
        switch relay.phase {
        case .standby:
            guard shardOwner == nil else { return }
            shardOwner = relay.number
            counts.takeovers += 1
            relay.schedule.restart()
            relay.waitsUntil = .zero
            relay.phase = .reading
        case .reading:
            guard now >= relay.waitsUntil, holdsSession(relay) else { return }
            read(relay)
        case .publishing(let wave):
            guard !wave.answers.contains(nil) else { return }
            judge(relay, wave)
        case .deleting(let positions):
            guard holdsSession(relay) else { return }
            guard !chance(faults.database) else { return loseSession(of: relay) }
            outbox.delete(positions)
            relay.phase = .reading
            // The statement took effect, and its answer is lost.
            if chance(faults.database) { loseSession(of: relay) }
        }
    }

    private func holdsSession(_ relay: SimulatedRelay) -> Bool {
        if shardOwner == relay.number { return true }
        relay.schedule.restart()
        relay.phase = .standby
        return false
    }

    func loseSession(of relay: SimulatedRelay) {
        if shardOwner == relay.number { shardOwner = nil }
    }

    private func read(_ relay: SimulatedRelay) {
        let held = Set(relay.schedule.heldKeys(now: now).compactMap { keyNumbers[$0] })
        let resting = Set(relay.schedule.restingKeys.compactMap { keyNumbers[$0] })
        let (rows, crowded) = outbox.select(limit: 12, perKey: 4, without: held, resting: resting)
        guard !rows.isEmpty else {
            relay.schedule.foundNothing(now: now)
            relay.waitsUntil = now + relay.schedule.wait(now: now)
            return
        }
        relay.schedule.found(crowdedKeys: Set(crowded.map { keyNames[$0] }))
        send(
            SimulatedRelay.Wave(
                rows: rows, round: RelayRound(keys: rows.map { keyNames[$0.key] }), indices: [], answers: []), by: relay
        )
    }

    private func send(_ wave: SimulatedRelay.Wave, by relay: SimulatedRelay) {
        var wave = wave
        wave.indices = plantedBug == .sendsKeyInParallel ? Array(wave.rows.indices) : wave.round.wave
        wave.answers = Array(repeating: nil, count: wave.indices.count)
        broker.send(
            wave.indices.enumerated().map { place, index in
                SimulatedBroker.Message(event: wave.rows[index], connection: relay.connection, place: place)
            })
        if plantedBug == .deletesBeforeConfirm { outbox.delete(Set(wave.rows.map(\.id))) }
        relay.phase = .publishing(wave)
    }

    private func judge(_ relay: SimulatedRelay, _ wave: SimulatedRelay.Wave) {
        var wave = wave
        let outcomes: [PublishOutcome?]
        if plantedBug == .sendsKeyInParallel {
            outcomes = wave.answers
        } else {
            wave.round.settle(wave.answers.compactMap { $0 })
            if !wave.round.wave.isEmpty { return send(wave, by: relay) }
            outcomes = wave.round.outcomes
        }
        let verdict = relay.schedule.settle(
            wave.rows.map { (Int64($0.id), keyNames[$0.key]) }, outcomes, now: now, using: &random)
        relay.waitsUntil = now + relay.schedule.wait(now: now)
        relay.phase = .deleting(Set(verdict.confirmed.map(Int.init)))
    }

    /// The broker reads one message and answers, or does not.
    func receive() {
        guard let message = broker.receive() else { return }
        let relay = relays[message.connection % 16]
        let isAlive = message.connection == relay.connection
        var outcome = PublishOutcome.confirmed
        if chance(faults.unroutable) {
            outcome = .unroutable(reason: "no queue")
            counts.unroutable += 1
        } else if chance(faults.nack) {
            // One of the queues refuses, others may have taken it.
            broker.store(message.event, refusing: Int.random(in: 0..<2, using: &random))
            outcome = .failed(reason: "nack")
            counts.nacks += 1
        } else {
            broker.store(message.event)
            if !isAlive { counts.late += 1 }
        }
        guard isAlive else { return }
        if chance(faults.connection) {
            cut(relay)
        } else {
            relay.answer(message.place, on: message.connection, outcome)
        }
    }

    func cut(_ relay: SimulatedRelay) {
        broker.cut(relay.connection, keeping: Int.random(in: 0...3, using: &random))
        relay.lostConnection()
        counts.cuts += 1
    }
}
