/// Addresses with a common beginning, such as `10.0.0.0/8` or `2001:db8::/32`.
package struct AddressBlock: Sendable, Hashable, CustomStringConvertible {
    private let first: SocketAddress.Host
    private let length: Int

    /// Reads CIDR notation (RFC 4632, RFC 4291 section 2.3), or one address alone; nil where the text is neither, or has
    /// bits after the prefix, which is most often a mistake.
    package init?(parsing text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = SocketAddress.Host(parsing: parts[0]) else { return nil }
        let whole = address.bits
        var length = whole
        if parts.count == 2 {
            let digits = parts[1]
            guard (1...3).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(digits), number <= whole, String(number).utf8.count == digits.utf8.count
            else { return nil }
            length = number
        }
        guard address.prefix(length) == address else { return nil }
        first = address
        self.length = length
    }

    /// Whether an address is in the block. IPv4 and IPv6 are apart.
    package func contains(_ address: SocketAddress.Host) -> Bool {
        address.bits == first.bits && address.prefix(length) == first
    }

    package var description: String { "\(first)/\(length)" }
}

extension SocketAddress.Host {
    /// The length of such an address.
    fileprivate var bits: Int {
        switch self {
        case .v4: 32
        case .v6: 128
        }
    }

    /// The address with zeros after its first `length` bits.
    fileprivate func prefix(_ length: Int) -> Self {
        switch self {
        case .v4(let number): .v4(length == 0 ? 0 : (number >> (32 - length)) << (32 - length))
        case .v6(let number): .v6(length == 0 ? 0 : (number >> (128 - length)) << (128 - length))
        }
    }
}
