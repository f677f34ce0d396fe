/// What a consumer has taken and not settled, as a value: which deliveries wait for which events, and whose turn it is.
///
/// An event is worked on once however often it came; a delivery is done with when all its events are settled.
struct ConsumerLedger<Item: Identifiable & Sendable, Ticket: Sendable>: Sendable where Item.ID: Sendable {
    /// An event on its arrival.
    struct Arrival: Sendable {
        let item: Item
        let lane: String
        var parking: LaneSchedule<Item>.Parking?
        var isLastTry = false
    }

    private struct Share {
        let ticket: Ticket
        var remaining: Int
    }

    private var lanes: LaneSchedule<Item>
    private var shares: [Int: Share] = [:]
    private var nextShare = 0
    /// The deliveries that wait for an event, by number.
    private var waiting: [Item.ID: [Int]] = [:]
    /// How many events of deliveries are not settled, repeats included.
    private(set) var unsettled = 0

    init(limits: LaneSchedule<Item>.Limits, policy: RetryPolicy) {
        lanes = LaneSchedule(limits: limits, policy: policy)
    }

    /// When a sleeping lane is due, if any sleeps.
    var nextWake: Duration? { lanes.nextWake }

    /// Takes a delivery with its events, one or more.
    mutating func accept(_ ticket: Ticket, _ arrivals: [Arrival]) {
        precondition(!arrivals.isEmpty, "a delivery without events is done with already")
        let share = nextShare
        nextShare += 1
        shares[share] = Share(ticket: ticket, remaining: arrivals.count)
        unsettled += arrivals.count
        for arrival in arrivals {
            if waiting[arrival.item.id]?.append(share) != nil { continue }
            waiting[arrival.item.id] = [share]
            lanes.enqueue(
                arrival.item, lane: arrival.lane, parking: arrival.parking, isLastTry: arrival.isLastTry)
        }
    }

    /// The next batch to work on; nil when the bound is reached or every lane waits.
    mutating func start(now: Duration) -> LaneSchedule<Item>.Batch? { lanes.start(now: now) }

    /// Takes a batch back, with what became of it.
    ///
    /// - Returns: the deliveries that are done with, to be acknowledged.
    mutating func finish(
        _ batch: LaneSchedule<Item>.Batch, _ outcome: LaneSchedule<Item>.Outcome, now: Duration,
        using random: inout some RandomNumberGenerator
    ) -> [Ticket] {
        lanes.finish(batch, outcome, now: now, using: &random)
        guard outcome == .settled else { return [] }
        var done: [Ticket] = []
        for item in batch.items {
            for number in waiting.removeValue(forKey: item.id) ?? [] {
                unsettled -= 1
                shares[number]?.remaining -= 1
                if shares[number]?.remaining == 0, let share = shares.removeValue(forKey: number) {
                    done.append(share.ticket)
                }
            }
        }
        return done
    }
}
