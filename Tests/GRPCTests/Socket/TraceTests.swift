import EventLoop
import Observability
import Synchronization
import Testing

@testable import GRPC

@Suite struct TraceTests {
    /// Notes the trace that its handler ran in.
    private final class Tracing: GRPCService {
        let name = "florin.test.v1.Trace"
        let seen = Mutex<[TraceContext?]>([])
        var handlers: [String: GRPCHandler] {
            [
                "Note": .unary { [self] _, _ in
                    seen.withLock { $0.append(TraceContext.current) }
                    return []
                }
            ]
        }
    }

    @Test func goesOnInTheHandler() async throws {
        try await Harness.withLoop { loop in
            let service = Tracing()
            let server = GRPCServer(
                loop: loop, configuration: .init(address: .loopback(port: 0)), services: [service], logger: .silent)
            let channel = GRPCChannel(loop: loop, targets: [try await server.start()])
            let method = GRPCMethod(service: service.name, name: "Note")
            let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
            let trace = try #require(TraceContext(traceparent: parent, tracestate: "vendor=1"))
            try await TraceContext.$current.withValue(trace) {
                _ = try await channel.unary(method, [], timeout: patience)
            }
            _ = try await channel.unary(method, [], timeout: patience)
            let malformed: GRPCMetadata = ["traceparent": "nonsense"]
            _ = try await channel.unary(method, [], metadata: malformed, timeout: patience)
            let seen = service.seen.withLock { $0 }
            #expect(seen.count == 3)
            #expect(seen[0]?.traceID == trace.traceID)
            #expect(seen[0]?.spanID != trace.spanID)
            #expect(seen[0]?.tracestate == "vendor=1")
            #expect(seen[1] != nil && seen[1]?.traceID != trace.traceID)
            #expect(seen[2] != nil)
            await channel.shutdown()
            await server.shutdown(grace: .zero)
        }
    }
}
