import Glibc

/// Below the ports that the system gives to outgoing connections (ip_local_port_range, from 32768 on): a server that starts
/// later, or once more, may find such a one taken by a client.
private let ports: Range<UInt16> = 15_000..<32_000

/// A loopback address whose port nobody else who chooses so is given as long as this process lives.
package func freeAddress() throws -> String {
    for _ in 0..<10_000 {
        let port = UInt16.random(in: ports)
        if try reserve(port) { return "127.0.0.1:\(port)" }
    }
    throw TestServerError(description: "no free port from \(ports.lowerBound) to \(ports.upperBound)")
}

/// Keeps a free port for this process and its children; false where somebody has it.
///
/// A bound socket that does not listen hinders no server that sets SO_REUSEADDR, as all of ours do, but everybody who asks
/// without that option, as is done here and in `scripts/local/ports.py` (socket(7)). It stays open until the process ends.
private func reserve(_ port: UInt16) throws -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw TestServerError(description: "no socket") }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let isBound = unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
            unsafe bind(descriptor, raw, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
    guard isBound else {
        close(descriptor)
        return false
    }
    var reuse: Int32 = 1
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
    return true
}
