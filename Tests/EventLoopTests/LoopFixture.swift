import EventLoop
import Synchronization
import Testing
import TestKit

/// Runs `body` with a loop of its own and shuts it down afterwards, whatever happens.
@discardableResult
func withLoop<R: Sendable>(_ body: (EventLoop) async throws -> R) async throws -> R {
    let loop = try EventLoop(name: "test")
    loop.start()
    let result: Result<R, any Error>
    do { result = .success(try await body(loop)) } catch { result = .failure(error) }
    await loop.shutdown()
    return try result.get()
}

/// Values noted from anywhere.
final class Notes<T: Sendable>: Sendable {
    private let values = Mutex<[T]>([])

    func add(_ value: T) { values.withLock { $0.append(value) } }
    var all: [T] { values.withLock { $0 } }
    var count: Int { values.withLock { $0.count } }
}

/// A delegate that keeps what it hears, and echoes when asked to.
final class Peer: TransportDelegate, Sendable {
    struct Heard {
        var bytes: [UInt8] = []
        var received = 0
        var drains = 0
        var eof = 0
        var closed: [EventLoopError?] = []
    }

    private let heard = Mutex(Heard())
    private let echoes: Bool
    private let keeps: Bool

    init(echoes: Bool = false, keeps: Bool = true) {
        self.echoes = echoes
        self.keeps = keeps
    }

    var now: Heard { heard.withLock { $0 } }

    func connection(_ connection: any Transport, didReceive bytes: RawSpan) {
        let copy = unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
        heard.withLock { heard in
            heard.received += copy.count
            if keeps { heard.bytes += copy }
        }
        if echoes { connection.write(copy) }
    }

    func connectionDidReachEOF(_ connection: any Transport) {
        heard.withLock { $0.eof += 1 }
        if echoes { connection.closeAfterFlush(timeout: .seconds(10)) }
    }

    func connectionDidDrain(_ connection: any Transport) { heard.withLock { $0.drains += 1 } }

    func connection(_ connection: any Transport, didCloseWith error: EventLoopError?) {
        heard.withLock { $0.closed.append(error) }
    }
}

/// A pair of ends of one connection on a loop.
struct Pair: Sendable {
    let loop: EventLoop
    let listener: TCPListener
    let client: TCPConnection
    let server: TCPConnection
    let clientPeer: Peer
    let serverPeer: Peer

    /// Connects through a listener on the loopback. Both ends read unless `serverReads` is false.
    static func make(on loop: EventLoop, serverEchoes: Bool = false, serverReads: Bool = true) async throws -> Pair {
        let serverPeer = Peer(echoes: serverEchoes)
        let clientPeer = Peer()
        let accepted = Notes<TCPConnection>()
        let listener = try await loop.run {
            try TCPListener.listen(on: .loopback(port: 0), loop: loop) { connection in
                connection.delegate = serverPeer
                if serverReads { connection.startReading() }
                accepted.add(connection)
            }
        }
        let client = try await TCPConnection.connect(to: listener.localAddress, loop: loop, timeout: .seconds(20))
        try await eventually("the connection is accepted") { accepted.count == 1 }
        try await loop.run {
            client.delegate = clientPeer
            client.startReading()
        }
        return Pair(
            loop: loop, listener: listener, client: client, server: accepted.all[0], clientPeer: clientPeer,
            serverPeer: serverPeer)
    }
}
