@testable import HTTP2

/// A client's and a server's session, whose bytes go over when a test says so.
final class SessionPair {
    static let headers = [
        HeaderField(":method", "POST"), HeaderField(":scheme", "http"), HeaderField(":path", "/a/b"),
        HeaderField(":authority", "test"),
    ]

    let client: HTTP2Session
    let server: HTTP2Session
    let clientEvents = SessionEvents()
    private let serverEvents = SessionEvents()

    /// Streams as the server sees them.
    var served: [(stream: HTTP2Stream, recorder: Recorder)] { serverEvents.opened }

    init(_ configure: (inout HTTP2Settings) -> Void = { _ in }) throws {
        var settings = HTTP2Settings()
        configure(&settings)
        client = try HTTP2Session(role: .client, settings: settings, delegate: clientEvents)
        server = try HTTP2Session(role: .server, settings: settings, delegate: serverEvents)
    }

    func request(body: [UInt8], isEnded: Bool = true, handler: Recorder) -> HTTP2Stream? {
        client.request(Self.headers, body: body, isEnded: isEnded, handler: handler)
    }

    /// Moves bytes to and fro until both have nothing to say.
    func exchange() throws {
        while try move(from: client, to: server) || move(from: server, to: client) {}
    }

    /// Moves what one has to say; false when that is nothing.
    @discardableResult
    func move(from sender: HTTP2Session, to receiver: HTTP2Session) throws -> Bool {
        var bytes: [UInt8] = []
        try sender.takeOutput(into: &bytes, upTo: .max)
        if !bytes.isEmpty { try receiver.receive(bytes: bytes) }
        return !bytes.isEmpty
    }
}

/// Notes what a session tells its connection.
final class SessionEvents: HTTP2SessionDelegate {
    var opened: [(stream: HTTP2Stream, recorder: Recorder)] = []
    var settings = 0
    var goAway: (lastStream: Int32, error: HTTP2ErrorCode)?
    var pings: [UInt64] = []
    var closedStreams = 0
    var controlFrames = 0

    func session(_ session: HTTP2Session, opened stream: HTTP2Stream) {
        let recorder = Recorder()
        stream.handler = recorder
        opened.append((stream, recorder))
    }
    func sessionReceivedSettings(_ session: HTTP2Session) { settings += 1 }
    func session(
        _ session: HTTP2Session, receivedGoAway lastStream: Int32, _ error: HTTP2ErrorCode, reason: String
    ) {
        goAway = (lastStream, error)
    }
    func sessionClosedStream(_ session: HTTP2Session) { closedStreams += 1 }
    func session(_ session: HTTP2Session, receivedPingAcknowledgement payload: UInt64) { pings.append(payload) }
    func sessionReceivedControlFrame(_ session: HTTP2Session) { controlFrames += 1 }
}

/// Notes what a stream is told.
final class Recorder: HTTP2StreamHandler {
    var blocks: [HeaderBlock] = []
    var bytes: [UInt8] = []
    var isEnded = false
    var drains = 0
    var closed: HTTP2ErrorCode?

    func streamReceived(_ block: HeaderBlock) {
        blocks.append(block)
        if block.isEndOfStream { isEnded = true }
    }
    func streamReceived(_ bytes: RawSpan) { unsafe bytes.withUnsafeBytes { unsafe self.bytes.append(contentsOf: $0) } }
    func streamReceivedEnd() { isEnded = true }
    func streamDrained() { drains += 1 }
    func streamClosed(_ error: HTTP2ErrorCode, wasSent: Bool) { closed = error }
    func streamLost(wasSent: Bool) { closed = .internalError }
}

extension HTTP2Session {
    func receive(bytes: [UInt8]) throws(Fatal) { try receive(unsafe bytes.span.bytes) }
}
