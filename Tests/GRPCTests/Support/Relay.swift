import EventLoop
import Synchronization

/// Passes bytes between a client and a server until told to stop: what a network does that fails without a word.
// @unchecked Sendable: confined to the loop; `freeze` and `cut` hop there.
final class Relay: @unchecked Sendable {
    private let loop: EventLoop
    private let target: SocketAddress
    private var listener: TCPListener?
    private var links: [Link] = []
    private var isFrozen = false
    private let connected = Atomic<Int>(0)

    /// Connections taken so far.
    var connections: Int { connected.load(ordering: .acquiring) }

    private init(loop: EventLoop, target: SocketAddress) {
        self.loop = loop
        self.target = target
    }

    static func start(loop: EventLoop, target: SocketAddress) async throws -> (Relay, SocketAddress) {
        let relay = Relay(loop: loop, target: target)
        let address = try await loop.run {
            let listener = try TCPListener.listen(on: .loopback(port: 0), loop: loop) { relay.accept($0) }
            relay.listener = listener
            return listener.localAddress
        }
        return (relay, address)
    }

    private func accept(_ client: TCPConnection) {
        connected.add(1, ordering: .acquiringAndReleasing)
        let link = Link(client)
        links.append(link)
        loop.spawn { [self] in
            do {
                let server = try await TCPConnection.connect(to: target, loop: loop, timeout: .seconds(10))
                link.join(server)
                if isFrozen { link.freeze() }
            } catch {
                client.close()
            }
        }
    }

    /// Passes nothing on any more, in either direction, while the connections stay.
    func freeze() async throws {
        try await loop.run { [self] in
            isFrozen = true
            for link in links { link.freeze() }
        }
    }

    /// Breaks the connections off; new ones are taken.
    func cut() async throws {
        try await loop.run { [self] in
            for link in links { link.cut() }
            links = []
        }
    }

    func stop() async throws {
        let listener = try await loop.run { [self] in self.listener }
        await listener?.close()
        try await cut()
    }
}

/// One relayed connection.
// @unchecked Sendable: confined to the loop.
private final class Link: TransportDelegate, @unchecked Sendable {
    private let client: TCPConnection
    private var server: TCPConnection?

    init(_ client: TCPConnection) { self.client = client }

    func join(_ server: TCPConnection) {
        self.server = server
        for side in [client, server] {
            side.delegate = self
            side.startReading()
        }
    }

    func freeze() {
        client.pauseReading()
        server?.pauseReading()
    }

    func cut() {
        client.close()
        server?.close()
    }

    func connection(_ connection: any Transport, didReceive bytes: RawSpan) {
        (connection === client ? server : client)?.write(bytes)
    }
    func connectionDidReachEOF(_ connection: any Transport) { cut() }
    func connectionDidDrain(_ connection: any Transport) {}
    func connection(_ connection: any Transport, didCloseWith error: EventLoopError?) { cut() }
}
