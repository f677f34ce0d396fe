/// The deliveries of one channel that are not settled, and the fewest methods that settle what handlers are done with.
struct AckLedger: Sendable {
    /// What a handler decided.
    enum Verdict: Sendable, Hashable {
        case ack
        case reject(requeue: Bool)
    }

    private enum Entry: Sendable { case open, acknowledged }

    private var window = TagWindow<Entry>()
    private var acknowledged: [UInt64] = []
    private var rejections: [OutboundMethod] = []

    /// Deliveries that no handler has settled, and those whose method has not been taken.
    var outstanding: Int { window.count }

    /// Notes a delivery; `false` when its tag is not the next one, which AMQP does not allow.
    mutating func delivered(tag: UInt64) -> Bool {
        guard tag == window.nextTag else { return false }
        window.append(.open)
        return true
    }

    /// Notes a decision. A second one for the same delivery is ignored: settling a tag twice makes the broker close the
    /// channel (406).
    mutating func settle(tag: UInt64, _ verdict: Verdict) {
        guard let entry = window[tag], entry == .open else { return }
        switch verdict {
        case .ack:
            window.update(tag, to: .acknowledged)
            acknowledged.append(tag)
        case .reject(let requeue):
            _ = window.take(tag)
            rejections.append(.reject(tag: tag, requeue: requeue))
        }
    }

    /// The methods that tell the broker all decisions since the last call: rejections first, then one `multiple` ack for
    /// the unbroken run of acknowledged deliveries at the front, then the others one by one.
    mutating func takeMethods() -> [OutboundMethod] {
        guard !acknowledged.isEmpty || !rejections.isEmpty else { return [] }
        var methods = rejections
        rejections = []
        var run: (last: UInt64, length: Int) = (0, 0)
        for tag in acknowledged.sorted() {
            let continuesRun = window.oldestTag == tag
            _ = window.take(tag)
            if continuesRun {
                run = (tag, run.length + 1)
            } else {
                methods.append(.ack(tag: tag, multiple: false))
            }
        }
        if run.length > 0 { methods.append(.ack(tag: run.last, multiple: run.length > 1)) }
        acknowledged = []
        return methods
    }
}
