/// An event of the simulation. Its number is its position in the outbox; numbers of one key rise in the order of commits.
struct SimulatedEvent: Sendable, Identifiable {
    let id: Int
    let key: Int
    let aggregate: Int
    let sequence: Int
    /// Which consumers want it: the second takes every other event of an aggregate, so gaps are normal for it.
    let isRare: Bool

    func isFor(consumer: Int) -> Bool { consumer == 0 || isRare }
}

/// An event put aside.
struct SimulatedLetter {
    let number: Int
    let event: SimulatedEvent
    var isRequested: Bool
}

/// What a consumer has durably done: inbox, effects, dead letters, with the promises checked at each effect.
final class SimulatedInbox {
    private(set) var handled: Set<Int> = []
    private(set) var effects = 0
    private(set) var letters: [SimulatedLetter] = []
    private(set) var parkedEver = 0
    private var nextLetter = 1
    private var lettersOfAggregate: [Int: Int] = [:]
    private var applied: Set<Int> = []
    /// Committed events that are for this consumer, by aggregate and by key, and how many of them are applied in order.
    private var committedByAggregate: [[SimulatedEvent]]
    private var appliedOfAggregate: [Int]
    private var committedByKey: [[Int]]
    private var appliedOfKey: [Int]

    init(keys: Int, aggregates: Int) {
        committedByAggregate = Array(repeating: [], count: aggregates)
        appliedOfAggregate = Array(repeating: 0, count: aggregates)
        committedByKey = Array(repeating: [], count: keys)
        appliedOfKey = Array(repeating: 0, count: keys)
    }

    var isComplete: Bool {
        letters.isEmpty && zip(committedByAggregate, appliedOfAggregate).allSatisfy { $0.count == $1 }
    }

    func committed(_ event: SimulatedEvent) {
        committedByAggregate[event.aggregate].append(event)
        committedByKey[event.key].append(event.id)
    }

    func isParked(_ aggregate: Int) -> Bool { lettersOfAggregate[aggregate] != nil }

    /// The statement that claims a live event, in a transaction that has removed some letters.
    func claim(_ event: SimulatedEvent, removed: [Int]) -> Claim {
        if isParked(event.aggregate),
            letters.contains(where: { $0.event.aggregate == event.aggregate && !removed.contains($0.number) })
        {
            return .behindParked
        }
        return handled.contains(event.id) ? .duplicate : .taken
    }

    enum Claim { case taken, duplicate, behindParked }

    /// Commits inbox row and effect together.
    ///
    /// - Returns: the promise that was broken, if one was.
    func apply(_ event: SimulatedEvent, recording: Bool = true, isLetter: Bool = false) -> String? {
        if recording { handled.insert(event.id) }
        effects += 1
        guard applied.insert(event.id).inserted else { return "event \(event.id) has its effect twice" }
        let place = appliedOfAggregate[event.aggregate]
        guard committedByAggregate[event.aggregate][place].id == event.id else {
            return "event \(event.id) overtakes another of its aggregate"
        }
        appliedOfAggregate[event.aggregate] += 1
        return isLetter ? nil : checkKey(event)
    }

    /// Every earlier event of the key is applied or put aside.
    private func checkKey(_ event: SimulatedEvent) -> String? {
        let all = committedByKey[event.key]
        while appliedOfKey[event.key] < all.count, applied.contains(all[appliedOfKey[event.key]]) {
            appliedOfKey[event.key] += 1
        }
        var place = appliedOfKey[event.key]
        while place < all.count, all[place] < event.id {
            let earlier = all[place]
            guard applied.contains(earlier) || letters.contains(where: { $0.event.id == earlier }) else {
                return "event \(event.id) overtakes \(earlier) of its key"
            }
            place += 1
        }
        return nil
    }

    /// The statements that park: false when the event was to be behind others that are gone.
    func park(_ event: SimulatedEvent, isBehind: Bool) -> Bool {
        if isBehind, !isParked(event.aggregate) { return false }
        guard !handled.contains(event.id), !letters.contains(where: { $0.event.id == event.id }) else { return true }
        let isRequested = isBehind && letters.last { $0.event.aggregate == event.aggregate }?.isRequested == true
        letters.append(SimulatedLetter(number: nextLetter, event: event, isRequested: isRequested))
        nextLetter += 1
        parkedEver += 1
        lettersOfAggregate[event.aggregate, default: 0] += 1
        return true
    }

    enum LetterClaim { case taken, duplicate, absent, behind }

    /// The statement that removes a letter which is the first of its aggregate, but for those removed already.
    func claimLetter(_ number: Int, of aggregate: Int, removed: [Int]) -> LetterClaim {
        let isFirst = { (letter: SimulatedLetter) in
            letter.event.aggregate == aggregate && !removed.contains(letter.number)
        }
        guard let first = letters.firstIndex(where: isFirst) else { return .absent }
        guard letters[first].number == number, letters[first].isRequested else {
            return letters[first].number < number ? .behind : .absent
        }
        return handled.contains(letters[first].event.id) ? .duplicate : .taken
    }

    func removeLetter(_ number: Int) {
        guard let index = letters.firstIndex(where: { $0.number == number }) else { return }
        let aggregate = letters.remove(at: index).event.aggregate
        lettersOfAggregate[aggregate, default: 1] -= 1
        if lettersOfAggregate[aggregate] == 0 { lettersOfAggregate[aggregate] = nil }
    }

    /// An operator asks for everything that is put aside.
    func requestAll() { for index in letters.indices { letters[index].isRequested = true } }

    func withdraw(letter number: Int) {
        for index in letters.indices where letters[index].number == number { letters[index].isRequested = false }
    }

    func withdraw(_ aggregate: Int) {
        for index in letters.indices where letters[index].event.aggregate == aggregate {
            letters[index].isRequested = false
        }
    }
}

/// The producer's tables: aggregates with their sequence, and the outbox.
final class SimulatedOutbox {
    /// A transaction that has written and is not committed; it holds the lock of its key.
    struct OpenTransaction {
        let events: [SimulatedEvent]
    }

    private(set) var rows: [SimulatedEvent] = []
    private(set) var committed = 0
    private(set) var open: [OpenTransaction] = []
    private var sequences: [Int]
    private var nextPosition = 1

    init(aggregates: Int) { sequences = Array(repeating: 0, count: aggregates) }

    func isLocked(_ key: Int) -> Bool { open.contains { $0.events.contains { $0.key == key } } }

    func write(key: Int, aggregate: Int, count: Int) {
        let first = sequences[aggregate]
        let events = (1...count).map { number in
            let sequence = first + number
            defer { nextPosition += 1 }
            return SimulatedEvent(
                id: nextPosition, key: key, aggregate: aggregate, sequence: sequence, isRare: sequence.isMultiple(of: 2)
            )
        }
        open.append(OpenTransaction(events: events))
    }

    /// Makes the rows visible; those with lower positions may become visible later.
    func commit(_ index: Int) -> [SimulatedEvent] {
        let events = open.remove(at: index).events
        for event in events {
            sequences[event.aggregate] = event.sequence
            let place = rows.lastIndex { $0.id < event.id }.map { $0 + 1 } ?? 0
            rows.insert(event, at: place)
        }
        committed += events.count
        return events
    }

    func rollback(_ index: Int) { open.remove(at: index) }

    func delete(_ positions: Set<Int>) { rows.removeAll { positions.contains($0.id) } }

    /// The relay's reading: the first rows, at most some of each key.
    func select(limit: Int, perKey: Int, without held: Set<Int>, resting: Set<Int>) -> (
        rows: [SimulatedEvent], crowded: Set<Int>
    ) {
        var found: [SimulatedEvent] = []
        var counts: [Int: Int] = [:]
        var crowded: Set<Int> = []
        var looked = 0
        for row in rows where !held.contains(row.key) && !resting.contains(row.key) {
            looked += 1
            if looked > limit { break }
            let count = (counts[row.key] ?? 0) + 1
            counts[row.key] = count
            guard count <= perKey else { continue }
            if count == perKey { crowded.insert(row.key) }
            found.append(row)
        }
        return (found, crowded)
    }
}
