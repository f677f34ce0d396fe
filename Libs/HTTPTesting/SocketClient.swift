package import EventLoop
import Glibc
import Synchronization
import TestKit

/// A client of plain sockets that shares nothing with the server, so that it can send what no proper client would.
/// It never blocks a thread: the tests share a few with the tasks they wait for.
package final class SocketClient: Sendable {
    /// Why the client cannot go on.
    package enum Failure: Error {
        case connect, closed
    }

    private let descriptor: Int32
    private let received = Mutex<[UInt8]>([])

    /// Connects to that port of the loopback.
    ///
    /// - Parameter receiveBuffer: bytes that the system takes for a client that does not read; nil for its default.
    package init(_ address: SocketAddress, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
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
    package func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Closes both sides as a client does that goes away; the descriptor itself goes with the object.
    package func leave() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Breaks the connection off, so that the server gets a reset in place of an end. Nothing can be done with it afterwards.
    package func reset() {
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        // Connecting a socket to no family dissolves its connection at once, and its number stays ours.
        var nobody = sockaddr(sa_family: sa_family_t(AF_UNSPEC), sa_data: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
        _ = unsafe connect(descriptor, &nobody, socklen_t(MemoryLayout<sockaddr>.size))
    }

    /// Sends all of the text.
    package func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    /// Sends all of the bytes, waiting while the server is behind.
    package func send(_ bytes: [UInt8]) async throws {
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

    /// Sends what the system takes at once: how many bytes that are, 0 where it takes nothing now, nil after the end.
    package func sendNow(_ bytes: ArraySlice<UInt8>) -> Int? {
        let count = unsafe bytes.withUnsafeBytes {
            unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        return count >= 0 ? count : errno == EAGAIN ? 0 : nil
    }

    /// What is there, nil at the end of the stream or after a reset; empty when nothing has arrived yet.
    package func receiveNow(atMost limit: Int = 65536) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: limit)
        let count = unsafe recv(descriptor, &buffer, limit, 0)
        if count < 0 { return errno == EAGAIN ? [] : nil }
        return count == 0 ? nil : Array(buffer[..<count])
    }

    /// Everything up to the end of the stream.
    package func receiveAll() async throws -> String {
        try await eventually("the stream ends") { !pull() }
        return take { $0.count } ?? ""
    }

    /// Everything up to and with `end`; what came behind it is kept.
    package func receive(until end: String) async throws -> String {
        try await receive("\(end.debugDescription) arrives") { $0.firstRange(of: end.utf8)?.upperBound }
    }

    /// That many bytes; what came behind them is kept.
    package func receive(count: Int) async throws -> String {
        try await receive("\(count) bytes arrive") { $0.count >= count ? count : nil }
    }

    /// Waits until the server has ended the connection.
    package func isClosed() async throws -> Bool {
        try await eventually("the connection ends") { !pull() }
        return true
    }

    private func receive(_ what: String, _ end: ([UInt8]) -> Int?) async throws -> String {
        var taken: String?
        try await eventually(what) {
            taken = take(end)
            guard taken == nil else { return true }
            guard pull() else { throw Failure.closed }
            return false
        }
        return taken ?? ""
    }

    /// Takes what stands before the end that the closure finds; nil while there is no end.
    private func take(_ end: ([UInt8]) -> Int?) -> String? {
        received.withLock { received in
            guard let end = end(received) else { return nil }
            defer { received.removeFirst(end) }
            return String(decoding: received[..<end], as: UTF8.self)
        }
    }

    /// Keeps what has arrived, of a server that never stops only so much; false where nothing is left but the end.
    private func pull() -> Bool {
        for count in 0..<64 {
            guard let piece = receiveNow() else { return count > 0 }
            guard !piece.isEmpty else { return true }
            received.withLock { $0 += piece }
        }
        return true
    }

    /// Sends one request and reads everything until the connection ends.
    package static func exchange(_ text: String, with address: SocketAddress) async throws -> String {
        let client = try SocketClient(address)
        try await client.send(text)
        return try await client.receiveAll()
    }
}
