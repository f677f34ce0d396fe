package import EventLoop
internal import Observability

/// Calls gRPC servers at one or more addresses, all serving the same.
///
/// Connects when first used, keeps connected with pauses that grow after failures, and spreads calls over the addresses
/// that are ready, sparing those that did not answer several in a row. A call that no server has touched is sent again
/// elsewhere; any other failure is the caller's to see.
/// May be used from anywhere; on the loop a call needs no change of thread. End it with `shutdown()`.
package final class GRPCChannel: Sendable {
    private let loop: EventLoop
    private let configuration: Configuration
    private let balancer: CallBalancer

    /// A channel that is not connected yet.
    package init(loop: EventLoop, targets: [SocketAddress], configuration: Configuration = Configuration()) {
        self.loop = loop
        self.configuration = configuration
        balancer = CallBalancer(targets: targets, loop: loop, configuration: configuration)
    }

    deinit {
        // A channel that was dropped unclosed must not go on connecting.
        loop.execute { [balancer] in for task in balancer.finishShutdown() { task.cancel() } }
    }

    /// Whether a call made now would go.
    package var state: State { balancer.state }

    /// Has calls go to these addresses from now on, after a name has got other ones; calls under way are let end.
    package func update(targets: [SocketAddress]) {
        var unique: [SocketAddress] = []
        for target in targets where !unique.contains(target) { unique.append(target) }
        loop.execute { [balancer, unique] in balancer.update(unique) }
    }

    /// Calls a method with one message and waits for the one that answers.
    ///
    /// - Parameter timeout: the call ends then in any case, with `deadlineExceeded`; the server is told of it.
    /// - Throws: the status that ended the call, with its details and trailing metadata.
    package func unary(
        _ method: GRPCMethod, _ request: [UInt8], metadata: GRPCMetadata = GRPCMetadata(), timeout: Duration
    ) async throws(GRPCStatus) -> GRPCReply {
        try await unary(method, pieces: [request], metadata: metadata, timeout: timeout)
    }

    /// As `unary(_:_:metadata:timeout:)` for a message in pieces, of which large ones are not copied.
    package func unary(
        _ method: GRPCMethod, pieces: [[UInt8]], metadata: GRPCMetadata = GRPCMetadata(), timeout: Duration
    ) async throws(GRPCStatus) -> GRPCReply {
        try await makeCall(method, pieces, metadata, timeout, .unary).reply().get()
    }

    /// Calls a method with one message; the messages that answer are the stream's.
    ///
    /// - Parameter timeout: the stream ends then in any case; nil for one that lasts as long as both sides want.
    package func serverStreaming(
        _ method: GRPCMethod, _ request: [UInt8], metadata: GRPCMetadata = GRPCMetadata(), timeout: Duration?
    ) -> GRPCMessageStream {
        let call = makeCall(method, [request], metadata, timeout, .streaming)
        call.start()
        return GRPCMessageStream(call)
    }

    private func makeCall(
        _ method: GRPCMethod, _ request: [[UInt8]], _ metadata: GRPCMetadata, _ timeout: Duration?,
        _ kind: ClientCall.Kind
    ) -> ClientCall {
        var metadata = metadata
        // Each call is a span of its own.
        if let trace = TraceContext.current?.child() {
            metadata["traceparent"] = trace.traceparent
            metadata["tracestate"] = trace.tracestate
        }
        if let requestID = RequestID.current { metadata[RequestID.fieldName] = requestID.description }
        return ClientCall(
            method, request: request, metadata: metadata, timeout: timeout, kind: kind,
            maximumMessageBytes: configuration.maximumMessageBytes, carrier: balancer, loop: loop)
    }

    /// Begins to connect when that has not been begun, and waits until an address is ready; false when none is in time.
    package func waitUntilReady(timeout: Duration) async -> Bool {
        await withCheckedContinuation { continuation in
            loop.execute { [balancer] in balancer.awaitReady(within: timeout, continuation) }
        }
    }

    /// Takes no more calls, lets those under way end for `grace`, fails the rest with `unavailable`, disconnects.
    package func shutdown(grace: Duration = .zero) async {
        await withCheckedContinuation { continuation in
            loop.execute { [balancer] in balancer.beginShutdown(within: grace, continuation) }
        }
        let tasks = await withCheckedContinuation { continuation in
            loop.execute { [balancer] in continuation.resume(returning: balancer.finishShutdown()) }
        }
        for task in tasks { await task.value }
    }
}
