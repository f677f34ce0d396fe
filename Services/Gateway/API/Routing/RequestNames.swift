internal import Chronology
package import HTTPServer
package import Observability

/// What a request is called: its id and its place in a trace.
package struct RequestNames: Sendable {
    /// The id that the client gave when it is well formed, else a new one.
    package let id: RequestID
    /// The span of the gateway in the client's trace, or in a new one; nil for what could not be read.
    package let trace: TraceContext?

    /// What the fields of a request say; nil where none could be read.
    package init(_ headers: HTTPHeaders?) {
        let given = headers?.values("X-Request-Id") ?? []
        id = (given.count == 1 ? RequestID(given[0]) : nil) ?? RequestID(UUIDv7.make())
        trace = headers.map(Self.trace)
    }

    private static func trace(_ headers: HTTPHeaders) -> TraceContext {
        let parents = headers.values("traceparent")
        guard parents.count == 1 else { return .root() }
        let states = headers.values("tracestate")
        let received = TraceContext(
            traceparent: parents[0], tracestate: states.isEmpty ? nil : states.joined(separator: ","))
        return received?.child() ?? .root()
    }

    /// Runs work for the request: its log lines and its calls to services bear both names.
    func bound<Result>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result
    ) async rethrows -> Result {
        try await TraceContext.$current.withValue(trace) {
            try await RequestID.$current.withValue(id) { try await body() }
        }
    }

    /// The same for what does not wait.
    func bound(_ body: () -> Void) {
        TraceContext.$current.withValue(trace) { RequestID.$current.withValue(id) { body() } }
    }
}
