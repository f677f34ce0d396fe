/// The messages of one channel that await their confirm, and how the broker's answers meet them.
///
/// `basic.return` carries no delivery tag; it names the message only by its properties, and arrives before the `ack` of
/// the same message on the same channel. So a return is kept by message id until that message is settled.
struct ConfirmTable<Owner> {
    /// A message on its way.
    struct Entry {
        var messageID: String
        var size: Int
        var owner: Owner
    }

    /// A message with its outcome.
    struct Settled {
        var owner: Owner
        var outcome: AMQPPublishOutcome
    }

    private var window = TagWindow<Entry>()
    private var returns: [String: [(code: UInt16, text: String)]] = [:]
    /// Body bytes of all messages in flight.
    private(set) var bytesInFlight = 0

    /// Messages in flight.
    var inFlight: Int { window.count }

    /// Notes a message just sent; it has the channel's next delivery tag.
    mutating func sent(messageID: String, size: Int, owner: Owner) {
        window.append(Entry(messageID: messageID, size: size, owner: owner))
        bytesInFlight += size
    }

    /// Notes `basic.return`. One for a message that is not in flight is forgotten when the channel closes.
    mutating func returned(messageID: String, code: UInt16, text: String) {
        // More returns than messages in flight cannot come from a correct broker; they must not pile up either.
        guard returns.count < window.count else { return }
        returns[messageID, default: []].append((code, text))
    }

    /// Applies `basic.ack` (`isPositive`) or `basic.nack`. With `multiple`, tag 0 means all in flight.
    mutating func settle(tag: UInt64, multiple: Bool, isPositive: Bool) -> [Settled] {
        let entries: [Entry]
        if multiple {
            entries = tag == 0 ? window.takeAll() : window.take(through: tag)
        } else {
            entries = window.take(tag).map { [$0] } ?? []
        }
        return entries.map { entry in
            bytesInFlight -= entry.size
            let returned = takeReturn(of: entry.messageID)
            guard isPositive else { return Settled(owner: entry.owner, outcome: .nacked) }
            guard let returned else { return Settled(owner: entry.owner, outcome: .confirmed) }
            return Settled(owner: entry.owner, outcome: .returned(code: returned.code, text: returned.text))
        }
    }

    private mutating func takeReturn(of messageID: String) -> (code: UInt16, text: String)? {
        guard !returns.isEmpty, var waiting = returns[messageID] else { return nil }
        let first = waiting.removeFirst()
        returns[messageID] = waiting.isEmpty ? nil : waiting
        return first
    }

    /// Gives up on everything in flight.
    mutating func fail(_ error: AMQPError) -> [Settled] {
        returns = [:]
        bytesInFlight = 0
        return window.takeAll().map { Settled(owner: $0.owner, outcome: .connectionLost(error)) }
    }
}
