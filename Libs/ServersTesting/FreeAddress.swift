import Glibc
import Synchronization

/// Below the ports that the system gives to outgoing connections (ip_local_port_range, from 32768 on): a server that starts
/// later, or once more, may find such a one taken by a client.
private let ports: Range<UInt16> = 15_000..<32_000
private let given = Mutex<Set<UInt16>>([])

/// A loopback address whose port was free a moment ago, and that this process has not been given before.
package func freeAddress() throws -> String {
    for _ in 0..<10_000 {
        let port = UInt16.random(in: ports)
        guard given.withLock({ $0.insert(port).inserted }) else { continue }
        if try isFree(port) { return "127.0.0.1:\(port)" }
    }
    throw TestServerError(description: "no free port from \(ports.lowerBound) to \(ports.upperBound)")
}

private func isFree(_ port: UInt16) throws -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw TestServerError(description: "no socket") }
    defer { close(descriptor) }
    // As servers do: a port is free although connections of the last run are in TIME_WAIT.
    var reuse: Int32 = 1
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
            unsafe bind(descriptor, raw, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
}
