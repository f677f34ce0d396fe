import EventLoop
import Observability
import Testing

@testable import GRPC

/// What ought to take milliseconds may take this long on a machine that is busy elsewhere.
let patience = Duration.seconds(60)

/// A loop with an echo server on it, and a channel to that.
struct Harness: Sendable {
    let loop: EventLoop
    let echo: EchoService
    let server: GRPCServer
    let address: SocketAddress
    let channel: GRPCChannel

    /// Runs a test with its own loop, server and channel, and takes them down afterwards.
    static func run(
        server configure: (inout GRPCServer.Configuration) -> Void = { _ in },
        channel configureChannel: (inout GRPCChannel.Configuration) -> Void = { _ in },
        _ body: (Harness) async throws -> Void
    ) async throws {
        try await withLoop { loop in
            var configuration = GRPCServer.Configuration(address: .loopback(port: 0))
            configure(&configuration)
            var channelConfiguration = GRPCChannel.Configuration()
            configureChannel(&channelConfiguration)
            let echo = EchoService(loop: loop)
            let server = GRPCServer(loop: loop, configuration: configuration, services: [echo], logger: .silent)
            server.health.set(.serving)
            echo.health.withLock { $0 = server.health }
            let address = try await server.start()
            let channel = GRPCChannel(loop: loop, targets: [address], configuration: channelConfiguration)
            let harness = Harness(loop: loop, echo: echo, server: server, address: address, channel: channel)
            try await finally {
                try await body(harness)
            } cleanUp: {
                await channel.shutdown()
                await server.shutdown(grace: .zero)
            }
        }
    }

    /// Runs a test with a loop of its own.
    static func withLoop(_ body: (EventLoop) async throws -> Void) async throws {
        let loop = try EventLoop(name: "grpc-test")
        loop.start()
        try await finally {
            try await body(loop)
        } cleanUp: {
            await loop.shutdown()
        }
    }

    /// Says something to the echo service and returns the answer as text.
    func say(_ text: String, timeout: Duration = patience) async throws -> String {
        let reply = try await channel.unary(EchoService.say, Array(text.utf8), timeout: timeout)
        return String(decoding: reply.message, as: UTF8.self)
    }
}

/// Runs `cleanUp` however `body` ends.
func finally(_ body: () async throws -> Void, cleanUp: () async -> Void) async throws {
    do {
        try await body()
    } catch {
        await cleanUp()
        throw error
    }
    await cleanUp()
}

/// The status that a call ends with.
func statusThrown(by body: () async throws -> Void) async -> GRPCStatus? {
    do {
        try await body()
        return nil
    } catch {
        return error as? GRPCStatus
    }
}

extension Array where Element == UInt8 {
    init(_ text: String) { self = Array(text.utf8) }

    var text: String { String(decoding: self, as: UTF8.self) }
}
