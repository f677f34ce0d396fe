internal import Observability

/// What the work at hand goes back to: every event emitted during it carries these.
package struct EventContext: Sendable, Hashable {
    /// The context of the work that the current task does, if any.
    @TaskLocal package static var current: EventContext?

    /// The request, or the first event of the chain.
    package let correlationID: String
    /// The event or the request that is the immediate cause.
    package let causationID: String

    /// Names both.
    package init(correlationID: String, causationID: String) {
        self.correlationID = correlationID
        self.causationID = causationID
    }

    /// The context of a request: it is both the cause and the origin.
    package init(requestID: String) { self.init(correlationID: requestID, causationID: requestID) }
}

extension TraceContext {
    /// Runs work with this trace and event context bound for everything it calls.
    func bound<Result>(
        with context: EventContext, isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> Result
    ) async rethrows -> Result {
        try await TraceContext.$current.withValue(self) {
            try await EventContext.$current.withValue(context) { try await body() }
        }
    }
}
