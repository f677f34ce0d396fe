package import Contracts
package import GRPC
package import Observability
package import ProcessorApplication
import ServiceRuntime

/// `florin.events.v1.StreamService` over the events that are kept.
package struct StreamAPI: StreamServiceProvider {
    private let events: any StreamEventHistory
    private let logger: Logger

    package init(events: any StreamEventHistory, logger: Logger) {
        self.events = events
        self.logger = logger
    }

    package func listStreamEvents(_ request: StreamEventQuery, context: ServerContext) async throws -> StreamEventPage {
        try await context.answer(logger: logger) {
            let caller = try Caller(context.metadata)
            let start: Int64
            if let position = request.afterPosition {
                start = position
            } else if let event = request.afterEvent,
                let position = try await events.position(of: event, of: caller.userID)
            {
                start = position
            } else {
                return StreamEventPage(isKnown: false)
            }
            let excerpt = try await events.excerpt(of: caller.userID, after: start)
            return StreamEventPage(
                isKnown: true,
                events: excerpt.entries.map { StreamEvent(id: $0.id, type: $0.type, event: $0.event) },
                position: excerpt.position, hasMore: excerpt.hasMore)
        }
    }
}
