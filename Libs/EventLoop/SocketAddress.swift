internal import CUV
internal import Glibc

/// An IPv4 or IPv6 address with a port.
package struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
    /// The address without its port.
    package enum Host: Sendable, Hashable, CustomStringConvertible {
        /// Four bytes in network order, as a number: 127.0.0.1 is 0x7F00_0001.
        case v4(UInt32)
        /// Sixteen bytes in network order, as a number: ::1 is 1.
        case v6(UInt128)

        /// What one client has as a whole: an IPv4 address, or the /64 network of an IPv6 address.
        package var network: Host {
            switch self {
            case .v4: self
            case .v6(let number): .v6((number >> 64) << 64)
            }
        }

        /// Parses `192.0.2.1` or `2001:db8::1`; nil for anything else. IPv4 as it is written in IPv6, `::ffff:192.0.2.1`
        /// (RFC 4291 section 2.5.5.2), is IPv4.
        package init?(parsing text: some StringProtocol) {
            let text = String(text)
            guard !text.utf8.contains(0) else { return nil }
            if let number = SocketAddress.parseV4(text) {
                self = .v4(number)
            } else if let number = SocketAddress.parseV6(text) {
                self = number >> 32 == 0xFFFF ? .v4(UInt32(truncatingIfNeeded: number)) : .v6(number)
            } else {
                return nil
            }
        }

        /// The form that `init(parsing:)` reads.
        package var description: String {
            switch self {
            case .v4(let number):
                return "\(number >> 24).\(number >> 16 & 255).\(number >> 8 & 255).\(number & 255)"
            case .v6(let number):
                var address = in6_addr()
                unsafe withUnsafeMutableBytes(of: &address) {
                    unsafe $0.storeBytes(of: number.bigEndian, as: UInt128.self)
                }
                var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
                // C rule: only an unknown family or a short buffer makes it fail.
                _ = unsafe inet_ntop(AF_INET6, &address, &text, socklen_t(text.count))
                return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            }
        }
    }

    /// The address.
    package let host: Host
    /// The port; 0 lets the system choose when listening.
    package let port: UInt16

    /// Makes an address from its parts.
    package init(host: Host, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Parses `127.0.0.1:8080` or `[::1]:8080`. Names are not addresses; see `EventLoop.resolve`.
    package init(parsing text: String) throws(EventLoopError) {
        guard let address = SocketAddress(numeric: text) else {
            throw EventLoopError(.invalidAddress, "not of the form 127.0.0.1:8080 or [::1]:8080")
        }
        self = address
    }

    /// Nil for anything but a numeric address with a port.
    init?(numeric text: String) {
        guard let (host, port) = Self.split(text), let number = Self.number(ofPort: port) else { return nil }
        if let v4 = Self.parseV4(host), !text.utf8.starts(with: "[".utf8) {
            self.init(host: .v4(v4), port: number)
        } else if let v6 = Self.parseV6(host), text.utf8.starts(with: "[".utf8) {
            self.init(host: .v6(v6), port: number)
        } else {
            return nil
        }
    }

    /// The loopback address `127.0.0.1` with a port.
    package static func loopback(port: UInt16) -> SocketAddress { SocketAddress(host: .v4(0x7F00_0001), port: port) }

    /// The form that `init(parsing:)` reads.
    package var description: String {
        switch host {
        case .v4: "\(host):\(port)"
        case .v6: "[\(host)]:\(port)"
        }
    }

    /// Splits at the last colon and takes the brackets off. The port may be empty.
    static func split(_ text: String) -> (host: String, port: String)? {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return nil }
        var host = text[..<colon]
        let port = text[text.index(after: colon)...]
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
        } else if host.utf8.contains(UInt8(ascii: ":")) {
            return nil
        }
        guard !host.isEmpty, !host.utf8.contains(0) else { return nil }
        return (String(host), String(port))
    }

    static func number(ofPort text: String) -> UInt16? {
        guard text.utf8.count <= 5, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return UInt16(text)
    }

    fileprivate static func parseV4(_ text: String) -> UInt32? {
        var address = in_addr()
        guard unsafe inet_pton(AF_INET, text, &address) == 1 else { return nil }
        return UInt32(bigEndian: address.s_addr)
    }

    fileprivate static func parseV6(_ text: String) -> UInt128? {
        var address = in6_addr()
        guard unsafe inet_pton(AF_INET6, text, &address) == 1 else { return nil }
        return unsafe withUnsafeBytes(of: &address) { UInt128(bigEndian: unsafe $0.loadUnaligned(as: UInt128.self)) }
    }
}

extension SocketAddress {
    var family: Int32 {
        switch host {
        case .v4: AF_INET
        case .v6: AF_INET6
        }
    }

    /// Hands the C form to `body`; the pointer is valid within it only.
    func withSockaddr<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        var storage = sockaddr_storage()
        return unsafe withUnsafeMutableBytes(of: &storage) { bytes in
            let length = unsafe fill(bytes)
            // The storage is at least as large and as aligned as any sockaddr; C reads it by its family.
            let address = unsafe bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: sockaddr.self)
            return unsafe body(address, socklen_t(length))
        }
    }

    private func fill(_ bytes: UnsafeMutableRawBufferPointer) -> Int {
        switch host {
        case .v4(let number):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = number.bigEndian
            unsafe withUnsafeBytes(of: &address) { unsafe bytes.copyMemory(from: $0) }
            return MemoryLayout<sockaddr_in>.size
        case .v6(let number):
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            unsafe withUnsafeMutableBytes(of: &address.sin6_addr) {
                unsafe $0.storeBytes(of: number.bigEndian, as: UInt128.self)
            }
            unsafe withUnsafeBytes(of: &address) { unsafe bytes.copyMemory(from: $0) }
            return MemoryLayout<sockaddr_in6>.size
        }
    }

    /// Reads what a C call such as `getsockname` has filled in.
    init(reading call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32)
        throws(EventLoopError)
    {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let status = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe call(UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), &length)
        }
        guard status == 0 else { throw .uv(status < -1 ? status : -errno, "read a socket's address") }
        let decoded = unsafe withUnsafePointer(to: &storage) { pointer in
            unsafe Self.decode(UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self))
        }
        guard let decoded else { throw EventLoopError(.invalidAddress, "neither IPv4 nor IPv6") }
        self = decoded
    }

    /// Nil for a family other than IPv4 and IPv6.
    static func decode(_ address: UnsafePointer<sockaddr>) -> SocketAddress? {
        let raw = unsafe UnsafeRawPointer(address)
        switch Int32(unsafe address.pointee.sa_family) {
        case AF_INET:
            let v4 = unsafe raw.loadUnaligned(as: sockaddr_in.self)
            return SocketAddress(host: .v4(UInt32(bigEndian: v4.sin_addr.s_addr)), port: UInt16(bigEndian: v4.sin_port))
        case AF_INET6:
            var v6 = unsafe raw.loadUnaligned(as: sockaddr_in6.self)
            let number = unsafe withUnsafeBytes(of: &v6.sin6_addr) { unsafe $0.loadUnaligned(as: UInt128.self) }
            return SocketAddress(host: .v6(UInt128(bigEndian: number)), port: UInt16(bigEndian: v6.sin6_port))
        default:
            return nil
        }
    }
}
