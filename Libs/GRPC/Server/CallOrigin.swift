internal import Observability

/// What a call goes back to: the caller's trace, and the request that it is made for.
struct CallOrigin: Sendable {
    /// The caller's trace goes on in a span of ours; a call without one begins a trace.
    private let trace: TraceContext
    /// Nil where the caller names none, or none that is well formed.
    private let requestID: RequestID?

    init(_ metadata: GRPCMetadata) {
        trace = Self.trace(of: metadata)
        let names = metadata.values(for: RequestID.fieldName)
        requestID = names.count == 1 ? RequestID(names[0]) : nil
    }

    private static func trace(of metadata: GRPCMetadata) -> TraceContext {
        guard let traceparent = metadata["traceparent"] else { return .root() }
        let state = metadata.values(for: "tracestate")
        let received = TraceContext(
            traceparent: traceparent, tracestate: state.isEmpty ? nil : state.joined(separator: ","))
        return received?.child() ?? .root()
    }

    /// Runs work that both are bound for.
    func bound<Result>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result
    ) async rethrows -> Result {
        try await TraceContext.$current.withValue(trace) {
            try await RequestID.$current.withValue(requestID) { try await body() }
        }
    }

    /// The same for what does not wait.
    func bound(_ body: () -> Void) {
        TraceContext.$current.withValue(trace) { RequestID.$current.withValue(requestID) { body() } }
    }
}
