package import Chronology
package import CloudEvents
package import Observability
internal import JSON

/// An event that a service is about to write into its outbox: a CloudEvent with everything that Florin asks of one.
package struct OutboxEvent: Sendable, Hashable {
    /// The event's id; consumers know a repeat by it.
    package let id: UUIDv7
    /// Events with the same key are published in order.
    package let partitionKey: String
    /// The event in full.
    package let event: CloudEvent

    /// Builds and checks the event.
    ///
    /// - Parameters:
    ///   - id: the event's id.
    ///   - type: `florin.<context>.<event>.v<major>`.
    ///   - source: `/florin/<service>`.
    ///   - subject: the aggregate's id.
    ///   - partitionKey: the user's id; the subject where no user is concerned.
    ///   - sequence: the place among the events of the subject, from 1 without gaps.
    ///   - time: when it happened.
    ///   - dataSchema: `urn:florin:event:<context>:<event>:v<major>`.
    ///   - data: the payload, a JSON value that follows the schema.
    ///   - context: request or event that this goes back to; without one the event is the first of its chain.
    ///   - trace: the trace of the work that emits the event.
    /// - Throws: the attribute at fault. Nothing that consumers would have to refuse gets into an outbox.
    package init(
        id: UUIDv7 = .make(), type: String, source: String, subject: String, partitionKey: String, sequence: Int64,
        time: Timestamp, dataSchema: String, data: [UInt8], context: EventContext? = .current,
        trace: TraceContext? = .current
    ) throws(CloudEventError) {
        guard sequence >= 1 else {
            throw CloudEventError(.invalidAttribute, attribute: "sequence", "counts from 1")
        }
        guard !partitionKey.isEmpty else {
            throw CloudEventError(.invalidAttribute, attribute: "partitionkey", "must not be empty")
        }
        guard type.utf8.count <= Self.longestType else {
            throw CloudEventError(.invalidAttribute, attribute: "type", "must not exceed 255 bytes")
        }
        do {
            _ = try JSONDocument(parsing: data)
        } catch {
            throw CloudEventError(.invalidData, attribute: "data", error.description)
        }
        var extensions: [CloudEvent.Extension] = [
            .init("partitionkey", .string(partitionKey)),
            .init("sequence", .string(CloudEvent.sequenceText(sequence))),
            .init("correlationid", .string(context?.correlationID ?? id.description)),
        ]
        if let context { extensions.append(.init("causationid", .string(context.causationID))) }
        if let trace {
            extensions.append(.init("traceparent", .string(trace.traceparent)))
            if let state = trace.tracestate { extensions.append(.init("tracestate", .string(state))) }
        }
        self.id = id
        self.partitionKey = partitionKey
        event = try CloudEvent(
            id: id.description, source: source, type: type, subject: subject, time: time,
            dataContentType: "application/json", dataSchema: dataSchema, extensions: extensions, data: .json(data))
    }

    /// A type is a routing key, which AMQP 0-9-1 limits (short string).
    private static let longestType = 255
}
