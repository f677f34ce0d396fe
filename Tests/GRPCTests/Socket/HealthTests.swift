import EventLoop
import Testing

@testable import GRPC

@Suite struct HealthTests {
    static let check = GRPCMethod(service: "grpc.health.v1.Health", name: "Check")
    static let watch = GRPCMethod(service: "grpc.health.v1.Health", name: "Watch")

    private func check(_ service: String, _ harness: Harness) async throws -> HealthService.Status {
        let request = HealthMessages.encodeRequest(service: service)
        let reply = try await harness.channel.unary(Self.check, request, timeout: patience)
        return try HealthMessages.decodeResponse(reply.message)
    }

    @Test func checkAnswersByName() async throws {
        try await Harness.run { harness in
            let whole = try await check("", harness)
            #expect(whole == .serving)
            harness.server.health.set(.notServing, for: "florin.test.v1.Echo")
            let echo = try await check("florin.test.v1.Echo", harness)
            #expect(echo == .notServing)
            let unknown = await statusThrown { _ = try await check("nope", harness) }
            #expect(unknown?.code == .notFound)
            let malformed = await statusThrown {
                _ = try await harness.channel.unary(Self.check, [0x0A, 0x7F], timeout: patience)
            }
            #expect(malformed?.code == .internalError)
        }
    }

    @Test func watchTellsEachChange() async throws {
        try await Harness.run { harness in
            let request = HealthMessages.encodeRequest(service: "later")
            let stream = harness.channel.serverStreaming(Self.watch, request, timeout: patience)
            var iterator = stream.makeAsyncIterator()
            for status: HealthService.Status in [.serviceUnknown, .serving, .notServing] {
                if status != .serviceUnknown { harness.server.health.set(status, for: "later") }
                let message = try await iterator.next()
                #expect(message == HealthMessages.encodeResponse(status))
            }
        }
    }

    @Test func watchEndsWhenTheServerStops() async throws {
        try await Harness.run { harness in
            let stream = harness.channel.serverStreaming(Self.watch, [], timeout: nil)
            var iterator = stream.makeAsyncIterator()
            let first = try await iterator.next()
            #expect(first == HealthMessages.encodeResponse(.serving))
            async let stopped: Void = harness.server.shutdown(grace: patience)
            let second = try await iterator.next()
            #expect(second == HealthMessages.encodeResponse(.notServing))
            let end = await statusThrown { _ = try await iterator.next() }
            #expect(end?.code == .unavailable)
            await stopped
        }
    }
}
