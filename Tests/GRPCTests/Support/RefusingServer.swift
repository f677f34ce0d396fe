import EventLoop
import HTTP2

/// Speaks HTTP/2 and refuses every stream, as a server does that has too many; answers NOT_FOUND when told to.
// @unchecked Sendable: confined to the loop.
final class RefusingServer: @unchecked Sendable {
    private let loop: EventLoop
    private var connections: [HTTP2Connection] = []
    /// The streams that clients have opened.
    private(set) var streams = 0
    /// How long it refuses; nil for ever.
    private let time: Duration?
    private var answers = false

    private init(_ loop: EventLoop, for time: Duration?) {
        self.loop = loop
        self.time = time
    }

    /// - Parameter time: how long it refuses, from the first stream on; nil for ever.
    static func start(on loop: EventLoop, for time: Duration? = nil) async throws -> (RefusingServer, TCPListener) {
        let server = RefusingServer(loop, for: time)
        let listener = try await loop.run {
            try TCPListener.listen(on: .loopback(port: 0), loop: loop) { server.accept($0) }
        }
        return (server, listener)
    }

    private static let notFound = [
        HeaderField(":status", "200"), HeaderField("content-type", "application/grpc"), HeaderField("grpc-status", "5"),
    ]

    private func accept(_ socket: TCPConnection) {
        do {
            var configuration = HTTP2ConnectionConfiguration()
            configuration.settings.maximumConcurrentStreams = 100
            let connection = try HTTP2Connection(
                socket: socket, role: .server, configuration: configuration, loop: loop, owner: self)
            connections.append(connection)
            connection.start()
        } catch {
            socket.close()
        }
    }
}

extension RefusingServer: HTTP2ConnectionOwner {
    func connection(_ connection: HTTP2Connection, opened stream: HTTP2Stream) {
        streams += 1
        if streams == 1, let time { loop.schedule(after: time) { [self] in answers = true } }
        _ = connection.submit { session in
            if answers {
                session.respondAndEnd(stream, Self.notFound)
            } else {
                session.reset(stream, .refusedStream)
            }
        }
    }

    func connectionReceivedSettings(_ connection: HTTP2Connection) {}
    func connection(_ connection: HTTP2Connection, receivedGoAway error: HTTP2ErrorCode, reason: String) {}
    func connectionClosedStream(_ connection: HTTP2Connection) {}
    func connectionDidRead(_ connection: HTTP2Connection) {}
    func connectionClosed(_ connection: HTTP2Connection) {}
}
