/// The extensions that Florin uses: Partitioning, Sequence, Distributed Tracing and Correlation of the specification.
extension CloudEvent {
    /// Events with the same key are seen in order: the user's id, or the subject where no user is concerned.
    package var partitionKey: String? { text("partitionkey") }

    /// The place among the events of the same subject, from 1 without gaps; nil when absent or not a decimal number.
    package var sequence: Int64? {
        switch self[extension: "sequence"] {
        case .string(let text): Self.sequence(from: text)
        case .integer(let value) where value >= 0: Int64(value)
        default: nil
        }
    }

    /// The request or first event that this one goes back to.
    package var correlationID: String? { text("correlationid") }

    /// The event or request that caused this one.
    package var causationID: String? { text("causationid") }

    /// W3C trace context of the work that emitted the event.
    package var traceparent: String? { text("traceparent") }

    /// The vendors' part of the trace context.
    package var tracestate: String? { text("tracestate") }

    /// The text of `sequence`: decimal, padded with zeros to 20 digits so that it sorts as text.
    package static func sequenceText(_ value: Int64) -> String {
        precondition(value >= 0, "sequences count from 1")
        let digits = String(value)
        return String(repeating: "0", count: 20 - digits.utf8.count) + digits
    }

    private static func sequence(from text: String) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return Int64(text)
    }

    private func text(_ name: String) -> String? {
        guard case .string(let text) = self[extension: name] else { return nil }
        return text
    }
}
