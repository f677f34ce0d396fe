import EventLoop
import Glibc
import JSON
import Synchronization
import Testing

/// An answer as it came over the wire.
struct Answer: Sendable {
    let status: Int
    let headers: [(name: String, value: String)]
    let body: String

    subscript(_ name: String) -> String? { headers.first { $0.name == name.lowercased() }?.value }

    /// A member of the body, which is an object.
    func json(_ name: String) throws -> String? {
        let value = try JSONDocument(parsing: Array(body.utf8)).root[name]
        return value?.string ?? value?.int64.map { "\($0)" }
    }

    /// `field: code` of each error in a problem.
    func errors() throws -> [String] {
        let root = try JSONDocument(parsing: Array(body.utf8)).root
        return (root["errors"]?.elements).map { elements in
            elements.map { "\($0["field"]?.string ?? "?"): \($0["code"]?.string ?? "?")" }
        } ?? []
    }
}

/// A connection of plain sockets that shares nothing with the server. It never blocks a thread.
final class HTTPClient: Sendable {
    enum Failure: Error { case connect, closed, timeout }

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

    /// Goes away as a client does that is closed.
    func leave() { shutdown(descriptor, Int32(SHUT_RDWR)) }

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

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    /// Reads up to and with `end`; what comes behind it is kept.
    func receive(until end: String) async throws -> String {
        var taken = ""
        try await eventually("\(end.debugDescription) arrives") {
            if let text = take(until: end) {
                taken = text
                return true
            }
            guard pull() else { throw Failure.closed }
            return false
        }
        return taken
    }

    /// Reads the next answer of the connection, whose length its head says.
    func answer(to method: String = "GET") async throws -> Answer {
        let head = try await receive(until: "\r\n\r\n")
        var lines = head.split(separator: "\r\n").map(String.init)
        let status = Int(lines.removeFirst().split(separator: " ")[1]) ?? 0
        let headers = lines.map { line in
            let colon = line.firstIndex(of: ":") ?? line.endIndex
            return (name: line[..<colon].lowercased(), value: String(line[colon...].dropFirst(2)))
        }
        let length = headers.first { $0.name == "content-length" }.flatMap { Int($0.value) } ?? 0
        let body = method == "HEAD" || status == 304 ? "" : try await receive(count: length)
        return Answer(status: status, headers: headers, body: body)
    }

    /// Whether the server has ended the connection.
    func isClosed() async throws -> Bool {
        try await eventually("the connection ends") { !pull() }
        return true
    }

    private func receive(count: Int) async throws -> String {
        var taken = ""
        try await eventually("\(count) bytes arrive") {
            let isThere = received.withLock { received in
                guard received.count >= count else { return false }
                taken = String(decoding: received[..<count], as: UTF8.self)
                received.removeFirst(count)
                return true
            }
            guard isThere || pull() else { throw Failure.closed }
            return isThere
        }
        return taken
    }

    private func take(until end: String) -> String? {
        received.withLock { received in
            guard let position = received.firstRange(of: end.utf8)?.upperBound else { return nil }
            defer { received.removeFirst(position) }
            return String(decoding: received[..<position], as: UTF8.self)
        }
    }

    /// Takes what has arrived; false at the end.
    private func pull() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
        if count < 0 { return errno == EAGAIN }
        received.withLock { $0 += buffer[..<count] }
        return count > 0
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
            throw HTTPClient.Failure.timeout
        }
        try await Task.sleep(for: pause)
        pause = min(pause * 2, .milliseconds(5))
    }
}
