import EventLoop
import Testing
import TestKit

@testable import GRPC

/// Our client calls a stock grpcio server.
@Suite struct PythonServerTests {
    /// Runs a test with a server of its own and a channel to it.
    private func withServer(
        _ options: [String] = [], channel configuration: GRPCChannel.Configuration = .init(),
        _ body: (PythonProcess, GRPCChannel) async throws -> Void
    ) async throws {
        try await Harness.withLoop { loop in
            let server = try PythonProcess("echo_server.py", options)
            let port = UInt16(try await server.readLine()) ?? 0
            let channel = GRPCChannel(loop: loop, targets: [.loopback(port: port)], configuration: configuration)
            try await finally {
                try await body(server, channel)
            } cleanUp: {
                await channel.shutdown()
            }
            try await server.stop()
        }
    }

    private func say(_ text: String, _ channel: GRPCChannel, timeout: Duration = patience) async throws -> String {
        try await channel.unary(EchoService.say, [UInt8](text), timeout: timeout).message.text
    }

    private func count(_ text: String, _ channel: GRPCChannel, timeout: Duration? = patience) -> GRPCMessageStream {
        channel.serverStreaming(EchoService.count, [UInt8](text), timeout: timeout)
    }

    @Test func unaryAndHealth() async throws {
        try await withServer { _, channel in
            for text in ["", "hello", "hé😀"] {
                let answer = try await say(text, channel)
                #expect(answer == text)
            }
            let message = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let reply = try await channel.unary(EchoService.say, message, timeout: patience)
            #expect(reply.message == message)
            let health = try await channel.unary(HealthTests.check, [], timeout: patience)
            #expect(try HealthMessages.decodeResponse(health.message) == .serving)
        }
    }

    @Test func statusWithDetailsAndMetadata() async throws {
        try await withServer { _, channel in
            let status = await statusThrown { _ = try await say("fail", channel) }
            #expect(status?.code == .failedPrecondition)
            #expect(status?.message == "won't: é✓ %\n")
            #expect(status?.details == [0x08, 0x09, 0x12, 0x02] + [UInt8]("no"))
            #expect(status?.metadata["x-why"] == "because")
            let raised = await statusThrown { _ = try await say("raise", channel) }
            #expect(raised?.code == .unknown)
            let missing = GRPCMethod(service: "florin.test.v1.Echo", name: "Nope")
            let unimplemented = await statusThrown { _ = try await channel.unary(missing, [], timeout: patience) }
            #expect(unimplemented?.code == .unimplemented)
        }
    }

    @Test func metadataBothWays() async throws {
        try await withServer { _, channel in
            var metadata: GRPCMetadata = ["x-in": "v"]
            metadata.append("x-in-bin", binary: [0, 1, 255])
            let reply = try await channel.unary(
                EchoService.say, [UInt8]("metadata"), metadata: metadata, timeout: patience)
            #expect(reply.initialMetadata["x-initial"] == "v")
            #expect(reply.trailingMetadata["x-trailing"] == "t")
            #expect(reply.trailingMetadata.binary("x-raw-bin") == [255, 1, 0])
        }
    }

    @Test func deadlines() async throws {
        try await withServer { _, channel in
            let status = await statusThrown { _ = try await say("sleep:60000", channel, timeout: .milliseconds(200)) }
            #expect(status?.code == .deadlineExceeded)
            let remaining = Int(try await say("deadline", channel, timeout: .seconds(40))) ?? 0
            #expect(remaining > 10_000 && remaining <= 40_000)
            let stream = await statusThrown {
                for try await _ in count("slow:1000000", channel, timeout: .milliseconds(300)) {}
            }
            #expect(stream?.code == .deadlineExceeded)
        }
    }

    @Test func cancellationReachesTheServer() async throws {
        try await withServer { _, channel in
            let call = Task { await statusThrown { _ = try await say("sleep:60000", channel) } }
            let stream = count("slow:1000000", channel)
            var iterator = stream.makeAsyncIterator()
            _ = try await iterator.next()
            call.cancel()
            stream.cancel()
            let status = await call.value
            #expect(status?.code == .cancelled)
            try await eventually("the server has noticed") { try await say("cancelled", channel) != "0" }
        }
    }

    @Test func streams() async throws {
        try await withServer { _, channel in
            let stream = count("count:1000", channel)
            let initial = try await stream.initialMetadata()
            #expect(initial["x-stream"] == "yes")
            let texts = try await stream.texts()
            #expect(texts == (0..<1000).map(String.init))
            let trailing = await stream.trailingMetadata()
            #expect(trailing?["x-count"] == "1000")
            var total = 0
            for try await message in count("count:200:100000", channel) { total += message.count }
            #expect(total == 20_000_000)
            var received: [String] = []
            let status = await statusThrown {
                for try await message in count("die:10", channel) { received.append(message.text) }
            }
            #expect(received == ["0", "1", "2", "3"])
            #expect(status?.code == .dataLoss)
        }
    }

    @Test func aThousandCallsAtOnce() async throws {
        try await withServer(["grpc.max_concurrent_streams=100"]) { _, channel in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<1000 {
                    group.addTask {
                        do {
                            let answer = try await say("\(index)", channel, timeout: .seconds(60))
                            #expect(answer == "\(index)")
                        } catch let status as GRPCStatus {
                            Issue.record("call \(index): \(status) \(status.message)")
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func aResponseOverTheLimitIsRefused() async throws {
        try await withServer { _, channel in
            let status = await statusThrown { _ = try await say("big:5000000", channel) }
            #expect(status?.code == .resourceExhausted)
            let answer = try await say("hello", channel)
            #expect(answer == "hello")
        }
    }

    @Test func aServerKilledMidStreamEndsTheStream() async throws {
        try await withServer { server, channel in
            let stream = count("slow:1000000", channel, timeout: nil)
            var iterator = stream.makeAsyncIterator()
            _ = try await iterator.next()
            try await server.kill()
            let status = await statusThrown { while try await iterator.next() != nil {} }
            #expect(status?.code == .unavailable)
            let next = await statusThrown { _ = try await say("hello", channel) }
            #expect(next?.code == .unavailable)
        }
    }

    /// The server says GOAWAY every 300 ms or so; no call may notice.
    @Test func goAwayLosesNoCall() async throws {
        try await withServer(["grpc.max_connection_age_ms=300", "grpc.max_connection_age_grace_ms=20000"]) {
            _, channel in
            var connections: Set<String> = []
            try await eventually("four connections were used") {
                async let long = say("sleep:150", channel)
                connections.insert(try await say("peer", channel))
                _ = try await long
                return connections.count >= 4
            }
        }
    }

    /// grpcio sends clients away that ping more often than it likes; we go on with fewer pings.
    @Test func tooManyPingsAreForgiven() async throws {
        var configuration = GRPCChannel.Configuration()
        configuration.keepAliveInterval = .milliseconds(20)
        try await withServer(channel: configuration) { _, channel in
            for _ in 0..<5 {
                let status = await statusThrown { _ = try await say("sleep:200", channel) }
                #expect(status == nil || status?.code == .unavailable)
            }
            try await eventually("calls go well again") {
                await statusThrown { _ = try await say("sleep:200", channel) } == nil
            }
        }
    }
}
