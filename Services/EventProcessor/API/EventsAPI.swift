package import Contracts
package import GRPC
package import Observability
package import ProcessorApplication
import ProcessorDomain
import ServiceRuntime

/// `florin.events.v1.EventsService` over the use cases.
package struct EventsAPI: EventsServiceProvider {
    private let listAudit: ListAudit
    private let logger: Logger

    package init(listAudit: ListAudit, logger: Logger) {
        self.listAudit = listAudit
        self.logger = logger
    }

    package func listAudit(_ request: ListAuditRequest, context: ServerContext) async throws -> AuditList {
        try await context.answer(logger: logger) {
            let caller = try Caller(context.metadata)
            let page = try await listAudit(caller: caller.userID, limit: request.limit, cursor: request.cursor)
            return AuditList(data: page.items.map(Contracts.AuditEntry.init(_:)), nextCursor: page.next?.text)
        }
    }
}

extension Contracts.AuditEntry {
    init(_ entry: ProcessorDomain.AuditEntry) {
        self.init(
            sequence: entry.sequence, time: entry.fact.time.description, actor: entry.fact.actor,
            action: entry.fact.action, subject: entry.fact.subject, traceID: entry.fact.traceID,
            eventID: entry.fact.eventID.description, hash: entry.hashText,
            previousHash: entry.previousHashText)
    }
}
