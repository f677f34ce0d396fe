import EventLoop
import Testing
import TestKit

@testable import GRPC

@Suite struct ShutdownTests {
    @Test func letsCallsUnderWayEnd() async throws {
        try await Harness.run { harness in
            async let call = harness.say("sleep:300")
            try await eventually("the call runs") { harness.echo.sleeping.load(ordering: .relaxed) == 1 }
            await harness.server.shutdown(grace: patience)
            let answer = try await call
            #expect(answer == "sleep:300")
            #expect(harness.echo.cancelled.load(ordering: .relaxed) == 0)
        }
    }

    @Test func endsWhatOutlastsTheGrace() async throws {
        try await Harness.run { harness in
            async let call = statusThrown { _ = try await harness.say("sleep:60000") }
            let stream = harness.stream("slow:1000000", timeout: nil)
            var iterator = stream.makeAsyncIterator()
            _ = try await iterator.next()
            try await eventually("the call runs") { harness.echo.sleeping.load(ordering: .relaxed) == 1 }
            await harness.server.shutdown(grace: .milliseconds(50))
            let status = await call
            #expect(status?.code == .unavailable)
            let streamStatus = await statusThrown { while try await iterator.next() != nil {} }
            #expect(streamStatus?.code == .unavailable)
            try await eventually("both handlers are cancelled") { harness.echo.cancelled.load(ordering: .relaxed) == 2 }
        }
    }

    @Test func isBoundedEvenWhenAHandlerIgnoresIt() async throws {
        try await Harness.run { harness in
            async let call = statusThrown { _ = try await harness.say("stubborn:20000") }
            try await eventually("the call runs") { harness.echo.sleeping.load(ordering: .relaxed) == 1 }
            let start = ContinuousClock.now
            await harness.server.shutdown(grace: .milliseconds(50))
            #expect(ContinuousClock.now - start < .seconds(15))
            let status = await call
            #expect(status?.code == .unavailable)
        }
    }

    @Test func isIdempotent() async throws {
        try await Harness.run { harness in
            _ = try await harness.say("hello")
            async let one: Void = harness.server.shutdown(grace: .seconds(1))
            async let two: Void = harness.server.shutdown(grace: .seconds(1))
            _ = await (one, two)
            await harness.server.shutdown(grace: .zero)
        }
    }

    /// A rolling restart: two servers in turn, one always up, and not one call lost.
    @Test func losesNoCallWhenAnotherAddressIsThere() async throws {
        try await Harness.run { harness in
            let other = EchoService(loop: harness.loop)
            let second = GRPCServer(
                loop: harness.loop, configuration: .init(address: .loopback(port: 0)), services: [other],
                logger: .silent)
            let secondAddress = try await second.start()
            let channel = GRPCChannel(loop: harness.loop, targets: [harness.address, secondAddress])
            let client = Harness(
                loop: harness.loop, echo: other, server: second, address: harness.address, channel: channel)
            try await eventually("both are used") {
                _ = try await client.say("sleep:0")
                return other.sleeping.load(ordering: .relaxed) > 0 && harness.echo.sleeping.load(ordering: .relaxed) > 0
            }
            let callers = Task {
                await withTaskGroup(of: Int.self) { group in
                    for _ in 0..<8 {
                        group.addTask {
                            var failures = 0
                            while !Task.isCancelled {
                                let status = await statusThrown { _ = try await client.say("hello") }
                                if let status, status.code != .cancelled { failures += 1 }
                            }
                            return failures
                        }
                    }
                    return await group.reduce(0, +)
                }
            }
            await second.shutdown(grace: patience)
            let third = try await startServer(harness.loop, at: secondAddress)
            try await eventually("the new server is used") { channel.state == .ready }
            await third.shutdown(grace: patience)
            callers.cancel()
            let failures = await callers.value
            #expect(failures == 0)
            await channel.shutdown()
        }
    }

    @Test func aStreamIsToldToGoElsewhereOnlyWhenItEnds() async throws {
        try await Harness.run { harness in
            let stream = harness.stream("slow:50")
            var iterator = stream.makeAsyncIterator()
            _ = try await iterator.next()
            async let shutdown: Void = harness.server.shutdown(grace: patience)
            var count = 1
            while try await iterator.next() != nil { count += 1 }
            await shutdown
            #expect(count == 50)
        }
    }
}
