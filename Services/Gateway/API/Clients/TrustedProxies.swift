package import EventLoop
internal import HTTPServer

/// The proxies in front of the gateway, whose word is taken for where a request comes from.
package struct TrustedProxies: Sendable {
    /// The field in which they tell it. Only one is believed: a proxy writes one and hands on the other as the client sent it.
    package enum Field: Sendable, Hashable {
        /// `X-Forwarded-For`, a list of addresses.
        case addresses
        /// `Forwarded` (RFC 7239).
        case forwarded
    }

    /// There are none: a request comes from where its connection does.
    package static let none = TrustedProxies(blocks: [], field: .addresses)

    private let blocks: [AddressBlock]
    private let field: Field

    package init(blocks: [AddressBlock], field: Field) {
        self.blocks = blocks
        self.field = field
    }

    /// Whether an address is one of theirs.
    package func contains(_ address: SocketAddress.Host) -> Bool { blocks.contains { $0.contains(address) } }

    /// The client of a request: the connection's other end (`peer`), or what a trusted proxy there tells.
    ///
    /// Each proxy adds on the right the address that it was called from. From the right, then, the first that is not a trusted
    /// proxy's is the client's, and what stands before it is only the client's word. Where a trusted proxy tells nothing
    /// that is an address, its own is the nearest that is known.
    func client(behind peer: SocketAddress.Host, _ headers: HTTPHeaders) -> SocketAddress.Host {
        var client = peer
        guard contains(client) else { return client }
        for node in nodes(headers).reversed() {
            guard let address = Self.address(of: node) else { return client }
            client = address
            if !contains(client) { return client }
        }
        return client
    }

    private func nodes(_ headers: HTTPHeaders) -> [Substring] {
        switch field {
        case .addresses:
            headers.values("X-Forwarded-For").flatMap { value in
                value.split(separator: ",", omittingEmptySubsequences: false).map(Self.trimmed)
            }
        case .forwarded:
            ForwardedField.clients(headers.values("Forwarded"))
        }
    }

    /// The address of `192.0.2.1`, `2001:db8::1`, or either with a port; IPv6 then in brackets. Nil for `unknown` and for
    /// names that stand for one (RFC 7239 section 6).
    static func address(of node: Substring) -> SocketAddress.Host? {
        let parts = node.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        if node.first == "[" {
            guard let end = node.firstIndex(of: "]"), isPort(node[end...].dropFirst()) else { return nil }
            let inner = node[..<end].dropFirst()
            return inner.utf8.contains(UInt8(ascii: ":")) ? SocketAddress.Host(parsing: inner) : nil
        }
        guard parts.count == 2, !parts[1].utf8.contains(UInt8(ascii: ":")) else {
            return SocketAddress.Host(parsing: node)
        }
        return isPort(node[parts[0].endIndex...]) ? SocketAddress.Host(parsing: parts[0]) : nil
    }

    /// Whether the text is empty or `:` and a port, which may be hidden behind a name.
    private static func isPort(_ text: Substring) -> Bool {
        guard let colon = text.utf8.first else { return true }
        return colon == UInt8(ascii: ":") && text.utf8.count > 1 && text.utf8.count <= 64
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let text = text.drop { $0 == " " || $0 == "\t" }
        guard let last = text.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return text.prefix(0) }
        return text[...last]
    }
}
