internal import Synchronization

/// Decisions of handlers on their way to the connection's thread. Holds at most one per delivery handed out and so is
/// bounded by the prefetch.
final class SettlementQueue: Sendable {
    /// A decision about the delivery `tag` of the channel's `generation`.
    struct Settlement: Sendable {
        var generation: UInt64
        var tag: UInt64
        var verdict: AckLedger.Verdict
    }

    private let settlements = Mutex<[Settlement]>([])
    private let waker: Waker

    init(waker: Waker) { self.waker = waker }

    func append(_ settlement: Settlement) {
        settlements.withLock { $0.append(settlement) }
        waker.signal()
    }

    func takeAll() -> [Settlement] {
        settlements.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
    }
}
