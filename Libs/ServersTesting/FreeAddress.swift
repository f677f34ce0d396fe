import Glibc

/// A loopback address whose port was free a moment ago.
package func freeAddress() throws -> String {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw TestServerError(description: "no socket") }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
            unsafe bind(descriptor, raw, length) | getsockname(descriptor, raw, &length)
        }
    }
    guard status == 0 else { throw TestServerError(description: "no free port") }
    return "127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
}
