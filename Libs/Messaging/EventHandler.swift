package import CloudEvents
package import Postgres
internal import Observability

/// What a service does about an event: the port that consumers call.
package protocol EventHandler: Sendable {
    /// The types of events it is for. Others that reach the queue are acknowledged without effect.
    var types: [TopicPattern] { get }

    /// Makes the effect of an event, all of it in this transaction, which also records that the event is handled.
    ///
    /// It must not commit. It is called again for the same event when the transaction does not commit, never after it did.
    /// `TraceContext.current` and `EventContext.current` are those of the event.
    ///
    /// - Throws: `HandlerFailure` to say what kind of failure it is. A retriable `PostgresError` is transient; any other
    ///   error is tried again a few times, then the event is parked.
    func handle(_ event: CloudEvent, in transaction: PostgresTransaction) async throws

    /// Makes the effects of several events that share a transaction, in their order; they may belong to several partition
    /// keys.
    ///
    /// Without an implementation each goes to `handle` of one event. One of its own is for handlers whose effects take fewer
    /// round trips together; neither a trace nor an event context is bound then. What it throws is about all of them: they
    /// are tried again one at a time.
    func handle(_ events: [CloudEvent], in transaction: PostgresTransaction) async throws
}

extension EventHandler {
    package func handle(_ events: [CloudEvent], in transaction: PostgresTransaction) async throws {
        for event in events {
            let trace = event.traceparent.flatMap { TraceContext(traceparent: $0, tracestate: event.tracestate) }
            let context = EventContext(correlationID: event.correlationID ?? event.id, causationID: event.id)
            try await (trace?.child() ?? .root()).bound(with: context) {
                try await handle(event, in: transaction)
            }
        }
    }
}

/// A failure whose kind the handler knows.
package struct HandlerFailure: Error, CustomStringConvertible {
    /// What a further try is good for.
    package enum Kind: Sendable, Hashable {
        /// It will pass by itself; tried again for as long as it takes, without spending attempts.
        case transient
        /// The same event can never be handled; parked at once.
        case unprocessable
    }

    /// What a further try is good for.
    package let kind: Kind
    /// Why, without personal data.
    package let reason: String

    /// Names kind and reason.
    package init(_ kind: Kind, _ reason: String) {
        self.kind = kind
        self.reason = reason
    }

    package var description: String { reason }
}
