import Chronology
package import CloudEvents
package import ProcessorDomain
import Observability

extension AuditFact {
    /// What the trail keeps of `event`.
    ///
    /// - Parameter digest: SHA-256.
    /// - Returns: nil where the event lacks what every event of Florin has: an id of version 7 and a time.
    package init?(_ event: CloudEvent, digest: ([UInt8]) -> [UInt8]) {
        guard let eventID = try? UUIDv7(parsing: event.id), let time = event.time else { return nil }
        self.init(
            time: time, actor: event.partitionKey ?? event.source, action: AuditFact.action(ofType: event.type),
            subject: event.subject ?? "", traceID: event.traceparent.flatMap { TraceContext(traceparent: $0)?.traceID },
            eventID: eventID,
            dataDigest: digest(event.jsonData ?? []))
    }
}
