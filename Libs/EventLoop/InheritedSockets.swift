internal import Glibc
internal import Synchronization

/// Listening sockets that whoever started the process has opened for it (sd_listen_fds(3)), by address.
///
/// Such a socket outlives the process: who connects while there is none waits in its queue for the next one.
package final class InheritedSockets: Sendable {
    /// The first of the descriptors that are handed over (SD_LISTEN_FDS_START).
    private static let first: Int32 = 3

    private let sockets: Mutex<[(address: SocketAddress, descriptor: Int32)]>

    /// Takes what the environment says was handed to this process: `LISTEN_FDS` descriptors, when `LISTEN_PID` is its number.
    ///
    /// - Parameter first: the number of the first descriptor; another one in tests.
    /// - Throws: `EventLoopError` for a descriptor that is not a listening TCP socket.
    package init(environment: [String: String], first: Int32 = InheritedSockets.first) throws(EventLoopError) {
        var found: [(address: SocketAddress, descriptor: Int32)] = []
        for descriptor in first..<(first + Self.count(environment)) {
            found.append((try Self.prepare(descriptor), descriptor))
        }
        sockets = Mutex(found)
    }

    /// Nothing was handed over.
    package static let none = InheritedSockets()

    private init() { sockets = Mutex([]) }

    deinit {
        for (_, descriptor) in sockets.withLock({ $0 }) { _ = Glibc.close(descriptor) }
    }

    /// The addresses for which nobody has asked yet.
    package var unclaimed: [SocketAddress] { sockets.withLock { $0.map(\.address) } }

    /// The socket that listens at an address, which is the caller's to close; nil when none was handed over for it.
    func claim(_ address: SocketAddress) -> Int32? {
        sockets.withLock { sockets in
            guard let index = sockets.firstIndex(where: { $0.address == address }) else { return nil }
            return sockets.remove(at: index).descriptor
        }
    }

    /// None when they are meant for another process: a parent's environment is handed on, its descriptors are not.
    private static func count(_ environment: [String: String]) -> Int32 {
        guard let process = environment["LISTEN_PID"].flatMap({ Int32($0) }), process == getpid(),
            let count = environment["LISTEN_FDS"].flatMap({ Int32($0) })
        else { return 0 }
        return max(0, min(count, 1024))
    }

    private static func prepare(_ descriptor: Int32) throws(EventLoopError) -> SocketAddress {
        var isListening: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        let status = unsafe getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &length)
        guard status == 0 else { throw .system(errno, "use descriptor \(descriptor), which was handed over") }
        guard isListening != 0 else {
            throw EventLoopError(.invalidAddress, "descriptor \(descriptor), which was handed over, does not listen")
        }
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0,
            fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
        else { throw .system(errno, "use descriptor \(descriptor), which was handed over") }
        return try unsafe SocketAddress(reading: { unsafe getsockname(descriptor, $0, $1) })
    }
}
