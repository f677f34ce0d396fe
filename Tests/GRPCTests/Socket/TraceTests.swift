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

    /// Handlers and log lines of a call belong to the request that the caller names; what is no name is none.
    @Test func aCallBelongsToItsRequest() async throws {
        try await Harness.withLoop { loop in
            let lines = Mutex<[String]>([])
            let logger = Logger(service: "test", level: .debug) { line in
                lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
            }
            let service = Naming(logger: logger)
            let server = GRPCServer(
                loop: loop, configuration: .init(address: .loopback(port: 0)), services: [service], logger: logger)
            let channel = GRPCChannel(loop: loop, targets: [try await server.start()])
            func call(_ name: String, _ metadata: GRPCMetadata = GRPCMetadata()) async {
                do {
                    _ = try await channel.unary(
                        GRPCMethod(service: service.name, name: name), [], metadata: metadata, timeout: patience)
                } catch {
                    #expect(name == "Fail" && error.code == .internalError)
                }
            }
            let trace = TraceContext.root()
            await TraceContext.$current.withValue(trace) {
                await RequestID.$current.withValue(RequestID("r-1")) {
                    await call("Note", ["x-request-id": "not this one"])
                    await call("Fail")
                }
            }
            let refused = [
                "a b", "a\"b", "ada@example.org", "{}", String(repeating: "x", count: 129), "",
            ]
            for text in refused { await call("Note", ["x-request-id": text]) }
            await call("Note", ["x-request-id": "r-1", "x-request-id": "r-2"])
            await call("Note")
            #expect(service.seen.withLock { $0 } == ["r-1"] + .init(repeating: nil, count: refused.count + 2))

            let written = lines.withLock { $0 }
            let named = #""trace_id":"\#(trace.traceID)","request_id":"r-1""#
            for (message, count) in [("noted", 1), ("a handler failed", 1), ("call", 2)] {
                let those = written.filter { $0.contains(#""message":"\#(message)""#) && $0.contains(named) }
                #expect(those.count == count, "\(message): \(written)")
            }
            #expect(written.count { $0.contains("request_id") } == 4)
            let end = #""method":"/florin.test.v1.Naming/Fail","code":"INTERNAL","duration_ms":"#
            #expect(written.contains { $0.contains(named) && $0.contains(end) })
            await channel.shutdown()
            await server.shutdown(grace: .zero)
        }
    }

    /// Notes the request that its handler ran for.
    private final class Naming: GRPCService {
        let name = "florin.test.v1.Naming"
        let seen = Mutex<[String?]>([])
        let logger: Logger
        private struct Failure: Error {}

        init(logger: Logger) { self.logger = logger }

        var handlers: [String: GRPCHandler] {
            [
                "Note": .unary { [self] _, _ in
                    seen.withLock { $0.append(RequestID.current?.description) }
                    logger.info("noted")
                    return []
                },
                "Fail": .unary { _, _ in throw Failure() },
            ]
        }
    }
}
