internal import Glibc

/// Looks host names up. libpq would do it too, but blocks in `PQconnectPoll` meanwhile.
enum HostResolver {
    /// Whether the host needs no lookup: a numeric address, or the directory of a Unix socket.
    static func isAddress(_ host: String) -> Bool {
        if host.hasPrefix("/") { return true }
        var storage = in6_addr()
        return unsafe inet_pton(AF_INET, host, &storage) == 1 || inet_pton(AF_INET6, host, &storage) == 1
    }

    /// The numeric addresses of a name, in the order of the system's preference. Blocks: belongs off the loop.
    static func addresses(of host: String) throws(PostgresError) -> [String] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = unsafe getaddrinfo(host, nil, &hints, &list)
        guard status == 0, let first = unsafe list else {
            throw PostgresError(
                .connectionFailed, "the host name has no address", serverMessage: "getaddrinfo \(status)")
        }
        defer { unsafe freeaddrinfo(first) }
        var found: [String] = []
        var next: UnsafeMutablePointer<addrinfo>? = unsafe first
        while let entry = unsafe next {
            if let text = unsafe numericText(entry.pointee), !found.contains(text) { found.append(text) }
            unsafe next = entry.pointee.ai_next
        }
        return found
    }

    private static func numericText(_ entry: addrinfo) -> String? {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { text in
            guard let base = text.baseAddress,
                unsafe getnameinfo(
                    entry.ai_addr, entry.ai_addrlen, base, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
            else { return nil }
            return unsafe String(cString: base)
        }
    }
}
