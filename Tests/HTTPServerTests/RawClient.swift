import EventLoop
import Glibc
import HTTPServer
import Synchronization
import Testing

/// A client of plain sockets that shares nothing with the server, so that it can send what no proper client would.
/// It never blocks a thread: the tests share a few with the tasks they wait for.
final class RawClient: Sendable {
    enum Failure: Error { case connect, closed, timeout, malformed }

    private let descriptor: Int32
    private let received = Mutex<[UInt8]>([])

    init(_ address: SocketAddress, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var size = receiveBuffer {
            unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = address.port.bigEndian
        target.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = unsafe withUnsafePointer(to: &target) { pointer in
            unsafe connect(descriptor, UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), size)
        }
        guard status == 0 else { throw Failure.connect }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    deinit { Glibc.close(descriptor) }

    /// Ends our side only.
    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Closes both sides as a client does that goes away; the descriptor itself goes with the object.
    func leave() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) async throws {
        var sent = 0
        try await eventually("the bytes are sent") {
            while sent < bytes.count {
                let count = unsafe bytes[sent...].withUnsafeBytes {
                    unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if count < 0, errno == EAGAIN { return false }
                guard count > 0 else { throw Failure.closed }
                sent += count
            }
            return true
        }
    }

    /// What is there, nil at the end of the stream or after a reset; empty when nothing has arrived yet.
    func receiveNow(atMost limit: Int = 65536) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: limit)
        let count = unsafe recv(descriptor, &buffer, limit, 0)
        if count < 0 { return errno == EAGAIN ? [] : nil }
        return count == 0 ? nil : Array(buffer[..<count])
    }

    /// Everything up to the end of the stream.
    func receiveAll() async throws -> String {
        try await eventually("the stream ends") {
            guard let piece = self.receiveNow() else { return true }
            self.received.withLock { $0 += piece }
            return false
        }
        return take { $0.count }
    }

    /// Everything up to and with `end`; what came behind it is kept.
    func receive(until end: String) async throws -> String {
        var position: Int?
        try await eventually("\(end.debugDescription) arrives") {
            guard let piece = self.receiveNow() else { throw Failure.closed }
            self.received.withLock { received in
                received += piece
                position = received.firstRange(of: end.utf8)?.upperBound
            }
            return position != nil
        }
        return take { _ in position ?? 0 }
    }

    private func take(_ count: ([UInt8]) -> Int) -> String {
        received.withLock { received in
            let end = count(received)
            defer { received.removeFirst(end) }
            return String(decoding: received[..<end], as: UTF8.self)
        }
    }

    /// Sends one request and reads everything until the connection ends.
    static func exchange(_ text: String, with address: SocketAddress) async throws -> String {
        let client = try RawClient(address)
        try await client.send(text)
        return try await client.receiveAll()
    }
}

/// Waits until `condition` holds; the deadline is for a machine that is far too slow.
func eventually(
    _ what: Comment, within limit: Duration = .seconds(30), sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    var pause = Duration.microseconds(100)
    while try await !condition() {
        guard ContinuousClock.now < end else {
            Issue.record(what, sourceLocation: sourceLocation)
            throw RawClient.Failure.timeout
        }
        try await Task.sleep(for: pause)
        pause = min(pause * 2, .milliseconds(5))
    }
}

extension String {
    /// The status codes of the responses in a row, by their status lines.
    var statuses: [Int] {
        ranges(of: "HTTP/1.1 ").compactMap { Int(self[$0.upperBound...].prefix(3)) }
    }

    func count(of part: String) -> Int { ranges(of: part).count }
}
