/// Messages that arrived and were not taken yet, in order. Flow control keeps it short.
struct MessageQueue: Sendable {
    private var messages: [[UInt8]] = []
    private var first = 0

    var isEmpty: Bool { first == messages.count }
    var count: Int { messages.count - first }

    mutating func append(_ message: [UInt8]) { messages.append(message) }

    mutating func popFirst() -> [UInt8]? {
        guard !isEmpty else { return nil }
        let message = messages[first]
        messages[first] = []
        first += 1
        if isEmpty {
            messages.removeAll(keepingCapacity: true)
            first = 0
        }
        return message
    }
}
