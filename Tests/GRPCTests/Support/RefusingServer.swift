import EventLoop
import HTTP2

/// Speaks HTTP/2 and refuses every stream, as a server does that has too many.
// @unchecked Sendable: confined to the loop.
final class RefusingServer: @unchecked Sendable {
    private let loop: EventLoop
    private var connections: [HTTP2Connection] = []
    /// The streams that clients have opened.
    private(set) var streams = 0

    private init(_ loop: EventLoop) { self.loop = loop }

    static func start(on loop: EventLoop) async throws -> (RefusingServer, TCPListener) {
        let server = RefusingServer(loop)
        let listener = try await loop.run {
            try TCPListener.listen(on: .loopback(port: 0), loop: loop) { server.accept($0) }
        }
        return (server, listener)
    }

    private func accept(_ socket: TCPConnection) {
        do {
            let connection = try HTTP2Connection(
                socket: socket, role: .server, configuration: HTTP2ConnectionConfiguration(), loop: loop, owner: self)
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
        _ = connection.submit { $0.reset(stream, .refusedStream) }
    }

    func connectionReceivedSettings(_ connection: HTTP2Connection) {}
    func connection(_ connection: HTTP2Connection, receivedGoAway error: HTTP2ErrorCode, reason: String) {}
    func connectionClosedStream(_ connection: HTTP2Connection) {}
    func connectionDidRead(_ connection: HTTP2Connection) {}
    func connectionClosed(_ connection: HTTP2Connection) {}
}
