import EventLoop
import Synchronization
import Testing
import TestKit

@testable import GRPC

@Suite struct ConnectionTests {
    @Test func failsAtOnceWhenNothingListens() async throws {
        try await Harness.withLoop { loop in
            let channel = GRPCChannel(loop: loop, targets: [try await unusedAddress(loop)])
            let status = await statusThrown { _ = try await channel.unary(EchoService.say, [], timeout: patience) }
            #expect(status?.code == .unavailable)
            #expect(status?.isRetriable == true)
            #expect(channel.state == .transientFailure)
            let isReady = await channel.waitUntilReady(timeout: .milliseconds(50))
            #expect(!isReady)
            await channel.shutdown()
            #expect(channel.state == .shutDown)
        }
    }

    @Test func failsWithoutAddresses() async throws {
        try await Harness.withLoop { loop in
            let channel = GRPCChannel(loop: loop, targets: [])
            let status = await statusThrown { _ = try await channel.unary(EchoService.say, [], timeout: patience) }
            #expect(status?.code == .unavailable)
            await channel.shutdown()
        }
    }

    @Test func waitsForAServerWhenToldTo() async throws {
        try await Harness.withLoop { loop in
            let address = try await unusedAddress(loop)
            var configuration = GRPCChannel.Configuration()
            configuration.waitsForReady = true
            configuration.backoff = Backoff(initial: .milliseconds(10), maximum: .milliseconds(100))
            let channel = GRPCChannel(loop: loop, targets: [address], configuration: configuration)
            async let reply = channel.unary(EchoService.say, [1], timeout: patience)
            try await eventually("an attempt failed") { channel.state == .transientFailure }
            let server = try await startServer(loop, at: address)
            let message = try await reply.message
            #expect(message == [1])
            await channel.shutdown()
            await server.shutdown(grace: .zero)
        }
    }

    @Test func reconnectsToAServerThatCameBack() async throws {
        try await Harness.run(channel: { $0.backoff = Backoff(initial: .milliseconds(10), maximum: .milliseconds(50)) })
        {
            harness in
            _ = try await harness.say("hello")
            await harness.server.shutdown(grace: .zero)
            try await eventually("the channel has noticed") { harness.channel.state == .transientFailure }
            let second = try await startServer(harness.loop, at: harness.address)
            let isReady = await harness.channel.waitUntilReady(timeout: patience)
            #expect(isReady)
            let answer = try await harness.say("again")
            #expect(answer == "again")
            await second.shutdown(grace: .zero)
        }
    }

    @Test func callsUnderWayFailWhenTheConnectionBreaks() async throws {
        try await Harness.run { harness in
            let (relay, address) = try await Relay.start(loop: harness.loop, target: harness.address)
            let channel = GRPCChannel(loop: harness.loop, targets: [address])
            async let call = statusThrown {
                _ = try await channel.unary(EchoService.say, [UInt8]("sleep:60000"), timeout: patience)
            }
            let stream = channel.serverStreaming(EchoService.count, [UInt8]("slow:100000"), timeout: patience)
            var iterator = stream.makeAsyncIterator()
            _ = try await iterator.next()
            try await eventually("the handler runs") { harness.echo.sleeping.load(ordering: .relaxed) == 1 }
            try await relay.cut()
            let status = await call
            #expect(status?.code == .unavailable)
            let streamStatus = await statusThrown { while try await iterator.next() != nil {} }
            #expect(streamStatus?.code == .unavailable)
            try await eventually("both handlers are cancelled") { harness.echo.cancelled.load(ordering: .relaxed) == 2 }
            let answer = try await channel.unary(EchoService.say, [1], timeout: patience)
            #expect(answer.message == [1])
            await channel.shutdown()
            try await relay.stop()
        }
    }

    @Test func aServerThatFallsSilentIsGivenUp() async throws {
        try await Harness.run { harness in
            let (relay, address) = try await Relay.start(loop: harness.loop, target: harness.address)
            var configuration = GRPCChannel.Configuration()
            configuration.keepAliveInterval = .milliseconds(50)
            // Before it falls silent the server may be that late, on a busy machine.
            configuration.keepAliveTimeout = .seconds(3)
            let channel = GRPCChannel(loop: harness.loop, targets: [address], configuration: configuration)
            let stream = channel.serverStreaming(EchoService.count, [UInt8]("slow:1000000"), timeout: nil)
            var iterator = stream.makeAsyncIterator()
            _ = try await iterator.next()
            try await relay.freeze()
            let status = await statusThrown { while try await iterator.next() != nil {} }
            #expect(status?.code == .unavailable)
            await channel.shutdown()
            try await relay.stop()
        }
    }

    @Test func aClientThatFallsSilentIsGivenUp() async throws {
        try await Harness.run(server: {
            $0.keepAliveInterval = .milliseconds(50)
            $0.keepAliveTimeout = .milliseconds(100)
        }) { harness in
            let (relay, address) = try await Relay.start(loop: harness.loop, target: harness.address)
            let channel = GRPCChannel(loop: harness.loop, targets: [address])
            async let call = statusThrown {
                _ = try await channel.unary(EchoService.say, [UInt8]("sleep:60000"), timeout: patience)
            }
            try await eventually("the handler runs") { harness.echo.sleeping.load(ordering: .relaxed) == 1 }
            try await relay.freeze()
            try await eventually("the handler is cancelled") { harness.echo.cancelled.load(ordering: .relaxed) == 1 }
            try await relay.stop()
            let status = await call
            #expect(status?.code == .unavailable)
            await channel.shutdown()
        }
    }

    @Test func pingsKeepAQuietConnection() async throws {
        try await Harness.run(channel: {
            $0.keepAliveInterval = .milliseconds(20)
            $0.keepAliveTimeout = patience
        }) { harness in
            let before = try await harness.say("peer")
            let pause = await statusThrown { _ = try await harness.say("sleep:300") }
            #expect(pause == nil)
            let after = try await harness.say("peer")
            #expect(before == after)
        }
    }

    @Test func spreadsCallsOverAddresses() async throws {
        try await Harness.run { harness in
            let other = EchoService(loop: harness.loop)
            let second = GRPCServer(
                loop: harness.loop, configuration: .init(address: .loopback(port: 0)), services: [other],
                logger: .silent)
            let targets = [harness.address, try await second.start(), try await unusedAddress(harness.loop)]
            let channel = GRPCChannel(loop: harness.loop, targets: targets)
            let client = Harness(
                loop: harness.loop, echo: other, server: second, address: targets[1], channel: channel)
            // Both are used once both are ready: each answers in turn.
            try await eventually("both are used") {
                _ = try await client.say("sleep:0")
                return other.sleeping.load(ordering: .relaxed) > 0
                    && harness.echo.sleeping.load(ordering: .relaxed) > 0
            }
            let before = other.sleeping.load(ordering: .relaxed)
            for _ in 0..<10 { _ = try await client.say("sleep:0") }
            #expect(other.sleeping.load(ordering: .relaxed) == before + 5)
            await second.shutdown(grace: .zero)
            for _ in 0..<10 { _ = try await client.say("sleep:0") }
            await channel.shutdown()
        }
    }

    @Test func limitsTheCallsOfAChannel() async throws {
        try await Harness.run(channel: { $0.maximumCalls = 1 }) { harness in
            let first = Task { await statusThrown { _ = try await harness.say("sleep:60000") } }
            try await eventually("the first runs") { harness.echo.sleeping.load(ordering: .relaxed) == 1 }
            let second = await statusThrown { _ = try await harness.say("hello") }
            #expect(second?.code == .resourceExhausted)
            first.cancel()
            _ = await first.value
            let third = try await harness.say("hello")
            #expect(third == "hello")
        }
    }

    @Test func aChannelThatIsShutDownRefusesCalls() async throws {
        try await Harness.run { harness in
            _ = try await harness.say("hello")
            async let last = statusThrown { _ = try await harness.say("sleep:200") }
            try await eventually("the call runs") { harness.echo.sleeping.load(ordering: .relaxed) == 1 }
            await harness.channel.shutdown(grace: patience)
            let lastStatus = await last
            #expect(lastStatus == nil)
            let status = await statusThrown { _ = try await harness.say("hello") }
            #expect(status?.code == .unavailable)
        }
    }

    @Test func shuttingAChannelDownFailsWhatIsLeft() async throws {
        try await Harness.run { harness in
            async let call = statusThrown { _ = try await harness.say("sleep:60000") }
            try await eventually("the call runs") { harness.echo.sleeping.load(ordering: .relaxed) == 1 }
            await harness.channel.shutdown()
            let status = await call
            #expect(status?.code == .unavailable)
            try await eventually("the handler is cancelled") { harness.echo.cancelled.load(ordering: .relaxed) == 1 }
        }
    }
}

/// A loopback address at which nothing listens at the moment.
func unusedAddress(_ loop: EventLoop) async throws -> SocketAddress {
    let listener = try await loop.run { try TCPListener.listen(on: .loopback(port: 0), loop: loop) { $0.close() } }
    await listener.close()
    return listener.localAddress
}

/// An echo server at that address.
func startServer(_ loop: EventLoop, at address: SocketAddress) async throws -> GRPCServer {
    let server = GRPCServer(
        loop: loop, configuration: .init(address: address), services: [EchoService(loop: loop)], logger: .silent)
    _ = try await server.start()
    return server
}
