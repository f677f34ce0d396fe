import Glibc
import Synchronization

/// A blocking TCP socket of a test, closed with its last reference. Every wait has a bound.
final class TestSocket: Sendable {
    let descriptor: Int32

    /// Takes a descriptor over.
    init(owning descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// A listener on a free loopback port.
    static func listening() throws -> TestSocket {
        let socket = TestSocket(owning: Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        var address = loopback(port: 0)
        let status = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(socket.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0, listen(socket.descriptor, 16) == 0 else {
            throw FixtureError(description: "listen: errno \(errno)")
        }
        return socket
    }

    /// A connection to a loopback port.
    static func connected(to port: UInt16) throws -> TestSocket {
        let socket = TestSocket(owning: Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        var address = loopback(port: port)
        let status = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(socket.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw FixtureError(description: "connect: errno \(errno)") }
        return socket
    }

    private static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    /// The port it listens on.
    var port: UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = unsafe withUnsafeMutablePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(descriptor, $0, &length) }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    /// Whether there is something to read (or to accept) within the bound.
    func isReadable(within milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&entry, 1, milliseconds) == 1
    }

    /// The next connection, when there is one within the bound.
    func accept(within milliseconds: Int32) -> TestSocket? {
        guard isReadable(within: milliseconds) else { return nil }
        let descriptor = Glibc.accept(descriptor, nil, nil)
        return descriptor >= 0 ? TestSocket(owning: descriptor) : nil
    }

    /// What has arrived; empty at the end of the stream.
    func read() -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
        return Array(buffer.prefix(max(0, count)))
    }

    /// Writes all of it; `false` when the peer is gone.
    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Ends both directions, so that a thread in `read` returns.
    func shutDown() { shutdown(descriptor, Int32(SHUT_RDWR)) }
}

/// Runs the body on a thread of its own.
func onThread(_ body: @escaping @Sendable () -> Void) {
    let argument = unsafe Unmanaged.passRetained(ThreadBody(body))
    var thread = pthread_t()
    let status = unsafe pthread_create(
        &thread, nil,
        { argument in
            guard let argument = unsafe argument else { return nil }
            unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run()
            return nil
        }, argument.toOpaque())
    precondition(status == 0)
    pthread_detach(thread)
}

private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// A network between a client and a server on loopback ports that can be cut: nothing passes, and nothing is closed.
final class CuttableNetwork: Sendable {
    private let listener: TestSocket
    private let target: UInt16
    private let isCut = Atomic(false)
    private let isOver = Atomic(false)

    init(to target: UInt16) throws {
        self.target = target
        listener = try TestSocket.listening()
        onThread { [self] in acceptAll() }
    }

    /// Where clients connect to.
    var port: UInt16 { listener.port }

    /// Holds everything back from now on.
    func cut() { isCut.store(true, ordering: .releasing) }

    /// Lets everything pass, what was held back included.
    func heal() { isCut.store(false, ordering: .releasing) }

    /// Ends all connections.
    func end() { isOver.store(true, ordering: .releasing) }

    private func acceptAll() {
        while !isOver.load(ordering: .acquiring) {
            guard let client = listener.accept(within: 50) else { continue }
            onThread { [self] in relay(client) }
        }
    }

    private func relay(_ client: TestSocket) {
        guard let server = try? TestSocket.connected(to: target) else { return }
        onThread { [self] in pump(server, client) }
        pump(client, server)
    }

    private func pump(_ source: TestSocket, _ sink: TestSocket) {
        while !isOver.load(ordering: .acquiring) {
            guard source.isReadable(within: 20) else { continue }
            // Asked between the arrival and the forwarding, so that nothing sent after the cut slips through.
            if isCut.load(ordering: .acquiring) {
                _ = poll(nil, 0, 20)
                continue
            }
            let bytes = source.read()
            guard !bytes.isEmpty, sink.write(bytes) else { break }
        }
        source.shutDown()
        sink.shutDown()
    }
}
