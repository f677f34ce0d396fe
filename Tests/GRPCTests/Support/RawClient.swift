import EventLoop
import Synchronization
import Testing
import TestKit

@testable import GRPC
@testable import HTTP2

/// A client that speaks bare HTTP/2 frames, to send what our own client never would.
// @unchecked Sendable: confined to the loop; the functions below hop there.
final class RawClient: HTTP2ConnectionOwner, @unchecked Sendable {
    struct Response: Sendable {
        var blocks: [[HeaderField]] = []
        var bytes: [UInt8] = []
        var error: HTTP2ErrorCode?

        /// The status in the last header block.
        var status: GRPCStatus? { blocks.last.map(StatusCodec.decode) }
    }

    private let loop: EventLoop
    private var transport: HTTP2Connection?
    private var exchanges: [ObjectIdentifier: RawExchange] = [:]
    private let isReady = Atomic<Bool>(false)
    let isClosed = Atomic<Bool>(false)
    let goAways = Mutex<[HTTP2ErrorCode]>([])

    private init(loop: EventLoop) { self.loop = loop }

    static func connect(to address: SocketAddress, loop: EventLoop) async throws -> RawClient {
        let client = RawClient(loop: loop)
        let socket = try await TCPConnection.connect(to: address, loop: loop, timeout: patience)
        try await loop.run {
            let transport = try HTTP2Connection(
                socket: socket, role: .client, configuration: HTTP2ConnectionConfiguration(), loop: loop, owner: client)
            client.transport = transport
            transport.start()
        }
        try await eventually("settings arrive") {
            client.isReady.load(ordering: .acquiring) || client.isClosed.load(ordering: .acquiring)
        }
        return client
    }

    /// Headers of a call of the echo service, with some replaced; a nil value takes one away.
    static func headers(path: String = "/florin.test.v1.Echo/Say", _ changes: [(String, String?)] = []) -> [HeaderField]
    {
        var fields = [
            HeaderField(":method", "POST"), HeaderField(":scheme", "http"), HeaderField(":path", path),
            HeaderField(":authority", "test"), HeaderField("te", "trailers"),
            HeaderField("content-type", "application/grpc"),
        ]
        for (name, value) in changes {
            let index = fields.firstIndex { $0.name == name }
            if let index { fields.remove(at: index) }
            if let value { fields.insert(HeaderField(name, value), at: index ?? fields.count) }
        }
        return fields
    }

    /// Sends a request with that body, and waits until its stream is gone.
    func send(_ fields: [HeaderField], body: [UInt8], isEnded: Bool = true) async -> Response {
        await withCheckedContinuation { continuation in
            loop.execute { [self] in
                let exchange = RawExchange { [self] exchange, response in
                    exchanges[ObjectIdentifier(exchange)] = nil
                    continuation.resume(returning: response)
                }
                let stream = transport?.submit { $0.request(fields, body: body, isEnded: isEnded, handler: exchange) }
                guard let stream, let stream else { return continuation.resume(returning: Response()) }
                exchange.stream = stream
                exchange.connection = transport
                exchanges[ObjectIdentifier(exchange)] = exchange
            }
        }
    }

    /// Sends headers and a first byte of a body that never ends, and waits until the stream is gone.
    func sendWithoutEnd(_ fields: [HeaderField]) async -> Response {
        // The message says to be of 3 MB, of which no more comes than its stream's window lets pass.
        let length: [UInt8] = [0, 0, 0x2D, 0xC6, 0xC0]
        return await send(fields, body: length + [UInt8](repeating: 0, count: 100), isEnded: false)
    }

    /// Sends requests and, once they have left, resets them all.
    func sendAndReset(_ count: Int, _ fields: [HeaderField], body: [UInt8]) async throws {
        let streams = Mutex<[Int32]>([])
        try await loop.run { [self] in
            for _ in 0..<count {
                let stream = transport?.submit { $0.request(fields, body: body, handler: RawExchange { _, _ in }) }
                if let stream, let stream { streams.withLock { $0.append(stream.id) } }
            }
        }
        try await loop.run { [self] in
            _ = transport?.submit { session in
                for id in streams.withLock({ $0 }) { session.streams[id].map { session.reset($0, .cancel) } }
            }
        }
    }

    func close() async throws { try await loop.run { [self] in transport?.close(.noError) } }

    func connection(_ connection: HTTP2Connection, opened stream: HTTP2Stream) {}
    func connectionReceivedSettings(_ connection: HTTP2Connection) { isReady.store(true, ordering: .releasing) }
    func connection(_ connection: HTTP2Connection, receivedGoAway error: HTTP2ErrorCode, reason: String) {
        goAways.withLock { $0.append(error) }
    }
    func connectionClosedStream(_ connection: HTTP2Connection) {}
    func connectionDidRead(_ connection: HTTP2Connection) {}
    func connectionClosed(_ connection: HTTP2Connection) { isClosed.store(true, ordering: .releasing) }
}

/// One request of a `RawClient`.
private final class RawExchange: HTTP2StreamHandler {
    private var response = RawClient.Response()
    private let completion: (RawExchange, RawClient.Response) -> Void
    var stream: HTTP2Stream?
    var connection: HTTP2Connection?

    init(_ completion: @escaping (RawExchange, RawClient.Response) -> Void) { self.completion = completion }

    func streamReceived(_ block: HeaderBlock) { response.blocks.append(block.fields) }
    func streamReceived(_ bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes { unsafe response.bytes.append(contentsOf: $0) }
        if let stream { _ = connection?.submit { $0.consume(bytes.byteCount, of: stream) } }
    }
    func streamReceivedEnd() {}
    func streamDrained() {}
    func streamLost(wasSent: Bool) { end() }
    func streamClosed(_ error: HTTP2ErrorCode, wasSent: Bool) {
        response.error = error
        end()
    }

    /// The stream holds this as its handler: without it, neither goes.
    private func end() {
        stream = nil
        connection = nil
        completion(self, response)
    }
}
