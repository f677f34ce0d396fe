package import CloudEvents
package import Messaging
package import Postgres
import ProcessorApplication
import ProcessorDomain
import Secrets
import ServiceRuntime

/// Records every event of the system in the audit trail of the user it belongs to.
package struct AuditHandler: EventHandler {
    package let types = EventQueues.audit.bindings

    package init() {}

    package func handle(_ event: CloudEvent, in transaction: PostgresTransaction) async throws {
        guard let fact = AuditFact(event, digest: sha256) else {
            throw HandlerFailure(.unprocessable, "the event has no id of version 7 or no time")
        }
        try await AuditStore.append(fact, to: event.partitionKey ?? event.source, in: transaction)
    }
}
