package import GRPC
package import Observability
import Messaging

extension ServerContext {
    /// Answers the call with what `body` returns.
    ///
    /// Events that `body` emits name the request as their cause: its id, or that of its trace where it has none.
    /// What `body` throws becomes a status as `ProblemDetails.status(for:logger:)` says.
    package func answer<Answer>(logger: Logger, _ body: () async throws -> Answer) async throws -> Answer {
        do {
            guard let requestID = RequestID.current?.description ?? TraceContext.current?.traceID else {
                return try await body()
            }
            return try await EventContext.$current.withValue(EventContext(requestID: requestID)) {
                try await body()
            }
        } catch {
            throw ProblemDetails.status(for: error, logger: logger)
        }
    }
}
