package import CloudEvents
package import Messaging
package import Postgres
import FaultPoints
import ProcessorApplication
import ProcessorDomain
import Secrets
import ServiceRuntime

/// Records every event of the system in the audit trail of the user it belongs to.
package struct AuditHandler: EventHandler {
    package let types = EventQueues.audit.bindings

    package init() {}

    package func handle(_ event: CloudEvent, in transaction: PostgresTransaction) async throws {
        try await handle([event], in: transaction)
    }

    package func handle(_ events: [CloudEvent], in transaction: PostgresTransaction) async throws {
        let records = try events.map { event -> AuditStore.Record in
            guard let fact = AuditFact(event, digest: sha256) else {
                throw HandlerFailure(.unprocessable, "the event has no id of version 7 or no time")
            }
            return (event.partitionKey ?? event.source, fact)
        }
        try await AuditStore.append(records, in: transaction)
        FaultPoint.reached("consumer.after-effect-before-commit")
    }
}
