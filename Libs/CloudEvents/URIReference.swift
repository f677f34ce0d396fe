internal import WireCodecs

/// The syntax of a URI-reference (RFC 3986, section 4.1), checked without being taken apart for good.
struct URIReference {
    /// It has a scheme.
    let isAbsolute: Bool

    /// Nil when the text is not a URI-reference.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard Self.hasAllowedCharacters(bytes) else { return nil }
        let fragment = bytes.firstIndex(of: UInt8(ascii: "#")) ?? bytes.count
        guard !bytes[min(fragment + 1, bytes.count)...].contains(UInt8(ascii: "#")) else { return nil }
        let beforeFragment = bytes[..<fragment]
        let hierarchy = beforeFragment[..<(beforeFragment.firstIndex(of: UInt8(ascii: "?")) ?? fragment)]

        var rest = hierarchy
        // A colon in the first segment can only end a scheme (section 4.2).
        let firstSegment = hierarchy.prefix { $0 != UInt8(ascii: "/") }
        if let colon = firstSegment.firstIndex(of: UInt8(ascii: ":")) {
            guard Self.isScheme(hierarchy[..<colon]) else { return nil }
            isAbsolute = true
            rest = hierarchy[(colon + 1)...]
        } else {
            isAbsolute = false
        }
        var outsideAuthority = Array(bytes[hierarchy.endIndex...])
        if rest.starts(with: [UInt8(ascii: "/"), UInt8(ascii: "/")]) {
            let authority = rest.dropFirst(2).prefix { $0 != UInt8(ascii: "/") }
            guard Self.isAuthority(authority) else { return nil }
            rest = rest[authority.endIndex...]
        }
        outsideAuthority.append(contentsOf: rest)
        guard !outsideAuthority.contains(where: Self.isBracket) else { return nil }
    }

    private static func isBracket(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "[") || byte == UInt8(ascii: "]") }

    private static func hasAllowedCharacters(_ bytes: [UInt8]) -> Bool {
        var position = 0
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "%") {
                guard position + 2 < bytes.count, HexDigit.value(bytes[position + 1]) != nil,
                    HexDigit.value(bytes[position + 2]) != nil
                else { return false }
                position += 3
            } else {
                guard isUnreserved(byte) || isReserved(byte) else { return false }
                position += 1
            }
        }
        return true
    }

    /// A letter, then letters, digits, `+`, `-` and `.`.
    private static func isScheme(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first, isLetter(first) else { return false }
        return bytes.allSatisfy { isLetter($0) || isDigit($0) || $0 == 0x2B || $0 == 0x2D || $0 == 0x2E }
    }

    /// User information, host and port, where a host with brackets is an IP literal.
    private static func isAuthority(_ bytes: ArraySlice<UInt8>) -> Bool {
        let at = bytes.lastIndex(of: UInt8(ascii: "@"))
        let host = at.map { bytes[($0 + 1)...] } ?? bytes
        if let at, bytes[..<at].contains(where: { isBracket($0) || $0 == UInt8(ascii: "@") }) { return false }
        guard host.first == UInt8(ascii: "[") else {
            guard !host.contains(where: isBracket) else { return false }
            let port = host.firstIndex(of: UInt8(ascii: ":")).map { host[($0 + 1)...] }
            return port?.allSatisfy(isDigit) ?? true
        }
        guard let close = host.firstIndex(of: UInt8(ascii: "]")) else { return false }
        let literal = host[(host.startIndex + 1)..<close]
        let port = host[(close + 1)...]
        return !literal.isEmpty && !literal.contains(where: isBracket)
            && (port.isEmpty || (port.first == UInt8(ascii: ":") && port.dropFirst().allSatisfy(isDigit)))
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A }
    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || byte == 0x2D || byte == 0x2E || byte == 0x5F || byte == 0x7E
    }

    private static func isReserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ":"), UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: "["),
            UInt8(ascii: "]"), UInt8(ascii: "@"), UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"),
            UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"),
            UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "="):
            true
        default: false
        }
    }
}
