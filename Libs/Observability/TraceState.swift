/// The rules of the `tracestate` header (W3C Trace Context, section 3.3).
enum TraceState {
    /// The most members a list may have.
    static let maximumMembers = 32
    /// What is passed on at most, in bytes; the standard asks for at least this much.
    static let maximumBytes = 512

    /// The list without spaces and empty members, cut to `maximumBytes`; nil when a rule is broken or nothing is left.
    static func validated(_ header: String) -> String? {
        let bytes = Array(header.utf8)
        var members: [ArraySlice<UInt8>] = []
        var keys: Set<ArraySlice<UInt8>> = []
        for part in bytes.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: true) {
            let member = trimmed(part)
            if member.isEmpty { continue }
            guard let equals = member.firstIndex(of: UInt8(ascii: "=")), isKey(member[..<equals]),
                isValue(member[(equals + 1)...]), keys.insert(member[..<equals]).inserted,
                members.count < maximumMembers
            else { return nil }
            members.append(member)
        }
        return joined(members)
    }

    /// Long members go first when the list is too long, then those at the end (section 3.3.1.5).
    private static func joined(_ all: [ArraySlice<UInt8>]) -> String? {
        var members = all
        func length() -> Int { members.reduce(members.count - 1) { $0 + $1.count } }
        while length() > maximumBytes, let long = members.lastIndex(where: { $0.count > 128 }) {
            members.remove(at: long)
        }
        while length() > maximumBytes { members.removeLast() }
        if members.isEmpty { return nil }
        return String(decoding: Array(members.joined(separator: [UInt8(ascii: ",")])), as: UTF8.self)
    }

    private static func trimmed(_ part: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        guard let first = part.firstIndex(where: { !isSpace($0) }), let last = part.lastIndex(where: { !isSpace($0) })
        else { return [] }
        return part[first...last]
    }

    /// `key`, or `tenant@system` with at most 241 and 14 characters.
    private static func isKey(_ key: ArraySlice<UInt8>) -> Bool {
        let parts = key.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
        switch parts.count {
        case 1: return isKeyPart(parts[0], limit: 256, digitFirst: true)
        case 2:
            return isKeyPart(parts[0], limit: 241, digitFirst: true)
                && isKeyPart(parts[1], limit: 14, digitFirst: false)
        default: return false
        }
    }

    private static func isKeyPart(_ part: ArraySlice<UInt8>, limit: Int, digitFirst: Bool) -> Bool {
        guard let first = part.first, part.count <= limit, isLowercase(first) || (digitFirst && isDigit(first)) else {
            return false
        }
        return part.allSatisfy { isLowercase($0) || isDigit($0) || "_-*/".utf8.contains($0) }
    }

    /// 1 to 256 printable ASCII characters without comma and equals sign, the last one not a space.
    private static func isValue(_ value: ArraySlice<UInt8>) -> Bool {
        guard let last = value.last, last != 0x20, value.count <= 256 else { return false }
        return value.allSatisfy { (0x20...0x7E).contains($0) && $0 != 0x2C && $0 != 0x3D }
    }

    private static func isLowercase(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
