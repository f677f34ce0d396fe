package import CloudEvents
package import Messaging
package import Postgres
import AuthDomain
import Chronology
import FaultPoints
import ServiceRuntime
import struct Contracts.ExpenseDataErasedV1
import struct Contracts.PortfolioDataErasedV1
import struct Contracts.ProcessorDataErasedV1

/// Notes which services have forgotten a user.
package struct ErasureConfirmations: EventHandler {
    package let types = EventQueues.erasures.bindings

    package init() {}

    package func handle(_ event: CloudEvent, in transaction: PostgresTransaction) async throws {
        let (party, erasureID, text) = try Self.read(event)
        guard let erasedAt = Timestamp(rfc3339: text) else {
            throw HandlerFailure(.unprocessable, "erased_at is no instant")
        }
        try await transaction.query(
            """
            INSERT INTO erasure_confirmations (erasure_id, service, erased_at)
            SELECT id, \(party.rawValue), \(erasedAt) FROM erasures WHERE id = \(erasureID) ON CONFLICT DO NOTHING
            """)
        FaultPoint.reached("consumer.after-effect-before-commit")
    }

    private static func read(_ event: CloudEvent) throws -> (ErasureParty, erasureID: String, erasedAt: String) {
        switch event.type {
        case ExpenseDataErasedV1.type:
            let payload = try event.payload(ExpenseDataErasedV1.self)
            return (.expense, payload.erasureID, payload.erasedAt)
        case PortfolioDataErasedV1.type:
            let payload = try event.payload(PortfolioDataErasedV1.self)
            return (.portfolio, payload.erasureID, payload.erasedAt)
        case ProcessorDataErasedV1.type:
            let payload = try event.payload(ProcessorDataErasedV1.self)
            return (.processor, payload.erasureID, payload.erasedAt)
        default: throw HandlerFailure(.unprocessable, "no service confirms an erasure by this type of event")
        }
    }
}
