import EventLoop
import Synchronization
import Testing
import TestKit

@testable import GRPC

/// A channel with several addresses, or with one that goes and comes.
@Suite struct BalancingTests {
    /// Refuses or answers as it is told, and counts.
    private final class Moody: GRPCService {
        let name = "florin.test.v1.Echo"
        let isIll = Atomic<Bool>(false)
        let calls = Atomic<Int>(0)

        var handlers: [String: GRPCHandler] {
            [
                "Say": .unary { [self] message, _ in
                    calls.add(1, ordering: .relaxed)
                    if isIll.load(ordering: .relaxed) { throw GRPCStatus(.unavailable) }
                    return message
                }
            ]
        }
    }

    private func start(_ service: Moody, on loop: EventLoop) async throws -> (GRPCServer, SocketAddress) {
        let server = GRPCServer(
            loop: loop, configuration: .init(address: .loopback(port: 0)), services: [service], logger: .silent)
        return (server, try await server.start())
    }

    private func say(on channel: GRPCChannel) async throws -> [UInt8] {
        try await channel.unary(EchoService.say, [1], timeout: patience).message
    }

    @Test func anAddressThatFailsIsSpared() async throws {
        try await Harness.withLoop { loop in
            let (ill, well) = (Moody(), Moody())
            let (first, firstAddress) = try await start(ill, on: loop)
            let (second, secondAddress) = try await start(well, on: loop)
            let channel = GRPCChannel(loop: loop, targets: [firstAddress, secondAddress])
            try await eventually("both are used") {
                _ = try await say(on: channel)
                return ill.calls.load(ordering: .relaxed) > 0 && well.calls.load(ordering: .relaxed) > 0
            }
            ill.isIll.store(true, ordering: .relaxed)
            var failures = 0
            for _ in 0..<100 {
                if await statusThrown(by: { _ = try await say(on: channel) }) != nil { failures += 1 }
            }
            #expect(failures == GRPCChannel.Ejection().failures)
            // With nobody else left the ill one is better than none.
            ill.isIll.store(false, ordering: .relaxed)
            await second.shutdown(grace: .zero)
            try await eventually("the other is asked again") {
                await statusThrown { _ = try await say(on: channel) } == nil
            }
            await channel.shutdown()
            await first.shutdown(grace: .zero)
        }
    }

    @Test func halfOfTheAddressesStay() async throws {
        try await Harness.withLoop { loop in
            let services = [Moody(), Moody()]
            var servers: [GRPCServer] = []
            var targets: [SocketAddress] = []
            for service in services {
                service.isIll.store(true, ordering: .relaxed)
                let (server, address) = try await start(service, on: loop)
                servers.append(server)
                targets.append(address)
            }
            let channel = GRPCChannel(loop: loop, targets: targets)
            try await eventually("both fail often") {
                let status = await statusThrown { _ = try await say(on: channel) }
                #expect(status?.code == .unavailable && status?.origin == .server)
                return services.allSatisfy { $0.calls.load(ordering: .relaxed) >= GRPCChannel.Ejection().failures }
            }
            let before = services.map { $0.calls.load(ordering: .relaxed) }
            for _ in 0..<20 { _ = await statusThrown { _ = try await say(on: channel) } }
            let after = services.map { $0.calls.load(ordering: .relaxed) }
            #expect(after.reduce(0, +) - before.reduce(0, +) == 20)
            await channel.shutdown()
            for server in servers { await server.shutdown(grace: .zero) }
        }
    }

    @Test func callsGoToTheAddressesOfToday() async throws {
        try await Harness.withLoop { loop in
            let (old, new) = (Moody(), Moody())
            let (first, firstAddress) = try await start(old, on: loop)
            let (second, secondAddress) = try await start(new, on: loop)
            let channel = GRPCChannel(loop: loop, targets: [])
            let early = await statusThrown { _ = try await say(on: channel) }
            #expect(early?.origin == .unsent)
            channel.update(targets: [firstAddress, firstAddress])
            for _ in 0..<3 { _ = try await say(on: channel) }
            channel.update(targets: [secondAddress])
            for _ in 0..<3 { _ = try await say(on: channel) }
            #expect(old.calls.load(ordering: .relaxed) == 3 && new.calls.load(ordering: .relaxed) == 3)
            await channel.shutdown()
            await first.shutdown(grace: .zero)
            await second.shutdown(grace: .zero)
        }
    }

    @Test func callsUnderWayOutliveTheirAddress() async throws {
        try await Harness.run { harness in
            async let slow = harness.say("sleep:300")
            try await eventually("it runs") { harness.echo.sleeping.load(ordering: .relaxed) == 1 }
            harness.channel.update(targets: [try await unusedAddress(harness.loop)])
            let status = await statusThrown { _ = try await harness.say("hello") }
            #expect(status?.code == .unavailable)
            let answer = try await slow
            #expect(answer == "sleep:300")
        }
    }

    /// The server says goodbye; a call made while it is away is answered by the next one.
    private func expectCallsToWaitForARestart(_ harness: Harness) async throws {
        _ = try await harness.say("hello")
        await harness.server.shutdown(grace: .zero)
        try await eventually("the channel has noticed") { harness.channel.state == .transientFailure }
        async let answer = harness.say("again")
        let second = try await startServer(harness.loop, at: harness.address)
        let text = try await answer
        #expect(text == "again")
        await second.shutdown(grace: .zero)
    }

    @Test func callsWaitForAServerThatIsStartedAnew() async throws {
        try await Harness.run(channel: {
            $0.backoff = Backoff(initial: .milliseconds(10), maximum: .milliseconds(50))
            $0.absenceGrace = patience
        }) { harness in
            try await expectCallsToWaitForARestart(harness)
        }
    }

    /// A goodbye is worth more patience than a broken connection.
    @Test func aGoodbyeAndABreakAreToldApart() async throws {
        try await Harness.run(channel: {
            $0.backoff = Backoff(initial: .milliseconds(10), maximum: .milliseconds(50))
            $0.restartGrace = patience
        }) { harness in
            let (relay, address) = try await Relay.start(loop: harness.loop, target: harness.address)
            var configuration = GRPCChannel.Configuration()
            configuration.backoff = Backoff(initial: .milliseconds(10), maximum: .milliseconds(50))
            configuration.restartGrace = patience
            let broken = GRPCChannel(loop: harness.loop, targets: [address], configuration: configuration)
            _ = try await broken.unary(EchoService.say, [UInt8]("hello"), timeout: patience)
            try await relay.stop()
            let status = await statusThrown {
                _ = try await broken.unary(EchoService.say, [UInt8]("hello"), timeout: patience)
            }
            #expect(status?.code == .unavailable)
            await broken.shutdown()

            try await expectCallsToWaitForARestart(harness)
        }
    }

    @Test func nobodyWaitsForLong() async throws {
        try await Harness.run(channel: {
            $0.backoff = Backoff(initial: .milliseconds(10), maximum: .milliseconds(50))
            $0.absenceGrace = .milliseconds(200)
        }) { harness in
            _ = try await harness.say("hello")
            await harness.server.shutdown(grace: .zero)
            let status = await statusThrown { _ = try await harness.say("hello") }
            #expect(status?.code == .unavailable && status?.origin == .unsent)
        }
    }

    @Test func aStatusTellsWhoEndedTheCall() async throws {
        try await Harness.run { harness in
            let (relay, address) = try await Relay.start(loop: harness.loop, target: harness.address)
            let channel = GRPCChannel(loop: harness.loop, targets: [address])
            func origin(_ text: String, timeout: Duration = patience) async -> GRPCStatus.Origin? {
                await statusThrown { _ = try await channel.unary(EchoService.say, [UInt8](text), timeout: timeout) }?
                    .origin
            }
            #expect(await origin("fail") == .server)
            // Long enough to arrive on a busy machine: the server counts it below.
            #expect(await origin("sleep:60000", timeout: .seconds(2)) == .caller)
            let task = Task { await origin("sleep:60000") }
            try await eventually("it runs") { harness.echo.sleeping.load(ordering: .relaxed) == 2 }
            task.cancel()
            #expect(await task.value == .caller)
            async let lost = origin("sleep:60000")
            try await eventually("it runs") { harness.echo.sleeping.load(ordering: .relaxed) == 3 }
            try await relay.cut()
            #expect(await lost == .connectionLost)
            await channel.shutdown()
            #expect(await origin("hello") == .unsent)
            try await relay.stop()
        }
    }

    /// A server that counts ended streams for a while longer than we do refuses whatever comes, and nobody notices.
    @Test func refusalsForAMomentFailNoCall() async throws {
        try await Harness.withLoop { loop in
            let (refuser, listener) = try await RefusingServer.start(on: loop, for: .milliseconds(200))
            let channel = GRPCChannel(loop: loop, targets: [listener.localAddress])
            await withTaskGroup(of: GRPCStatus?.self) { group in
                for _ in 0..<1000 { group.addTask { await statusThrown { _ = try await say(on: channel) } } }
                for await status in group { #expect(status?.code == .notFound) }
            }
            // Those that were on their way at first were refused, and then one at a time.
            let streams = try await loop.run { refuser.streams }
            #expect((1001...1500).contains(streams), "\(streams)")
            await channel.shutdown()
            await listener.close()
        }
    }

    /// A server that refuses every call before it looks at it gets so many of them again and no more.
    @Test func refusalsAreRepeatedWithinABound() async throws {
        try await Harness.withLoop { loop in
            let (refuser, listener) = try await RefusingServer.start(on: loop)
            let channel = GRPCChannel(loop: loop, targets: [listener.localAddress])
            for _ in 0..<1000 {
                let status = await statusThrown { _ = try await say(on: channel) }
                #expect(status?.code == .unavailable && status?.origin == .unsent)
            }
            let streams = try await loop.run { refuser.streams }
            #expect(streams == 1000 + 8)
            await channel.shutdown()
            await listener.close()
        }
    }
}
