import EventLoop
import Testing
import TestKit

@testable import GRPC

@Suite struct DeadlineTests {
    @Test func endsTheCallAndTheHandler() async throws {
        try await Harness.run { harness in
            // Again when the machine was too slow for the handler to begin in time.
            try await eventually("a handler is cancelled") {
                let status = await statusThrown {
                    _ = try await harness.say("sleep:60000", timeout: .milliseconds(100))
                }
                #expect(status?.code == .deadlineExceeded)
                return harness.echo.cancelled.load(ordering: .relaxed) > 0
            }
        }
    }

    @Test func endsAStream() async throws {
        try await Harness.run { harness in
            try await eventually("a handler is cancelled") {
                let status = await statusThrown {
                    for try await _ in harness.stream("slow:1000000", timeout: .milliseconds(200)) {}
                }
                #expect(status?.code == .deadlineExceeded)
                return harness.echo.cancelled.load(ordering: .relaxed) > 0
            }
        }
    }

    @Test func isToldToTheServer() async throws {
        try await Harness.run { harness in
            let remaining = Int(try await harness.say("deadline", timeout: .seconds(40))) ?? 0
            #expect(remaining > 10_000 && remaining <= 40_000)
            let unbounded = harness.channel.serverStreaming(EchoService.count, [UInt8]("count:1"), timeout: nil)
            let messages = try await unbounded.texts()
            #expect(messages == ["0"])
        }
    }

    @Test func isOverBeforeTheCallBegins() async throws {
        try await Harness.run { harness in
            let status = await statusThrown { _ = try await harness.say("hello", timeout: .zero) }
            #expect(status?.code == .deadlineExceeded)
        }
    }

    @Test func theServerKeepsItWhenTheClientDoesNot() async throws {
        try await Harness.run { harness in
            let client = try await RawClient.connect(to: harness.address, loop: harness.loop)
            let headers = RawClient.headers([("grpc-timeout", "100m")])
            try await eventually("a handler is cancelled") {
                let response = await client.send(headers, body: MessageFraming.frame([UInt8]("sleep:60000")))
                #expect(response.status?.code == .deadlineExceeded)
                return harness.echo.cancelled.load(ordering: .relaxed) > 0
            }
            try await client.close()
        }
    }

    @Test func theServerHasALimitOfItsOwnForUnaryCalls() async throws {
        try await Harness.run(server: { $0.maximumUnaryDuration = .milliseconds(100) }) { harness in
            let status = await statusThrown { _ = try await harness.say("sleep:60000") }
            #expect(status?.code == .deadlineExceeded)
            try await eventually("the handler is cancelled") { harness.echo.cancelled.load(ordering: .relaxed) == 1 }
        }
    }

    @Test func holdsWhileTheChannelCannotConnect() async throws {
        try await Harness.withLoop { loop in
            // A port that takes connections and never says a word.
            let listener = try await loop.run {
                try TCPListener.listen(on: .loopback(port: 0), loop: loop) { $0.startReading() }
            }
            let channel = GRPCChannel(loop: loop, targets: [listener.localAddress])
            let status = await statusThrown {
                _ = try await channel.unary(EchoService.say, [], timeout: .milliseconds(100))
            }
            #expect(status?.code == .deadlineExceeded)
            await channel.shutdown()
            await listener.close()
        }
    }

    @Test func holdsWhileTheServerAllowsNoMoreStreams() async throws {
        try await Harness.run(server: { $0.maximumConcurrentStreams = 1 }) { harness in
            let long = Task { await statusThrown { _ = try await harness.say("sleep:60000") } }
            try await eventually("the first call runs") { harness.echo.sleeping.load(ordering: .relaxed) == 1 }
            let second = await statusThrown { _ = try await harness.say("hello", timeout: .milliseconds(100)) }
            #expect(second?.code == .deadlineExceeded)
            long.cancel()
            let first = await long.value
            #expect(first?.code == .cancelled)
        }
    }

    /// Not a measure of speed: a call that outlives its deadline by far would show a timer that is not kept.
    @Test func isKeptByManyCallsAtOnce() async throws {
        try await Harness.run { harness in
            await withTaskGroup(of: GRPCStatus?.self) { group in
                for _ in 0..<200 {
                    group.addTask {
                        await statusThrown { _ = try await harness.say("sleep:60000", timeout: .milliseconds(200)) }
                    }
                }
                for await status in group { #expect(status?.code == .deadlineExceeded) }
            }
            try await eventually("the handlers are cancelled") {
                harness.echo.cancelled.load(ordering: .relaxed) == harness.echo.sleeping.load(ordering: .relaxed)
            }
        }
    }

    @Test func cancellingTheTaskCancelsTheCall() async throws {
        try await Harness.run { harness in
            let call = Task { await statusThrown { _ = try await harness.say("sleep:60000") } }
            try await eventually("the handler runs") { harness.echo.sleeping.load(ordering: .relaxed) == 1 }
            call.cancel()
            let status = await call.value
            #expect(status?.code == .cancelled)
            try await eventually("the handler is cancelled") { harness.echo.cancelled.load(ordering: .relaxed) == 1 }
        }
    }

    @Test func aTaskCancelledBeforehandMakesNoCall() async throws {
        try await Harness.run { harness in
            // The gate opens for nothing but the cancellation of the task.
            let (gate, keeper) = AsyncStream.makeStream(of: Void.self)
            defer { keeper.finish() }
            let call = Task {
                for await _ in gate {}
                return await statusThrown { _ = try await harness.say("sleep:60000") }
            }
            call.cancel()
            let status = await call.value
            #expect(status?.code == .cancelled)
            #expect(harness.echo.sleeping.load(ordering: .relaxed) == 0)
        }
    }
}
