internal import WireCodecs

/// A request target in origin-form, absolute-form or, for OPTIONS, asterisk-form (RFC 9112 section 3.2).
struct RequestTarget: Sendable {
    private(set) var text = ""
    private(set) var path = ""
    private(set) var query: String?
    /// The authority of an absolute-form in lower case; it has to agree with Host.
    private(set) var authority: [UInt8]?

    init() {}

    init?(_ bytes: Span<UInt8>, method: HTTPMethod) {
        guard !bytes.isEmpty, bytes.allSatisfy(ByteRules.isTarget), let text = bytes.text else { return nil }
        self.text = text
        if bytes.equals("*") {
            guard method == .options else { return nil }
            path = "*"
        } else if bytes[0] == UInt8(ascii: "/") {
            guard takePathAndQuery(bytes) else { return nil }
        } else {
            guard takeAbsolute(bytes) else { return nil }
        }
    }

    private mutating func takeAbsolute(_ bytes: Span<UInt8>) -> Bool {
        let scheme: Int
        if bytes.count > 7, bytes.extracting(0..<7).equalsIgnoringCase("http://") {
            scheme = 7
        } else if bytes.count > 8, bytes.extracting(0..<8).equalsIgnoringCase("https://") {
            scheme = 8
        } else {
            return false
        }
        var end = scheme
        while end < bytes.count, bytes[end] != UInt8(ascii: "/"), bytes[end] != UInt8(ascii: "?") { end += 1 }
        let authority = bytes.extracting(scheme..<end)
        guard Authority.isValid(authority) else { return false }
        var copy: [UInt8] = []
        for index in 0..<authority.count { copy.append(ByteRules.lowercased(authority[index])) }
        self.authority = copy
        return takePathAndQuery(bytes.extracting(end..<bytes.count))
    }

    private mutating func takePathAndQuery(_ bytes: Span<UInt8>) -> Bool {
        guard bytes.isPercentEncodedText else { return false }
        let mark = bytes.firstIndex(of: UInt8(ascii: "?"))
        let path = bytes.extracting(0..<(mark ?? bytes.count))
        self.path = path.isEmpty ? "/" : path.text ?? "/"
        if let mark { query = bytes.extracting(mark + 1..<bytes.count).text }
        return true
    }
}

/// `host [":" port]` (RFC 9110 section 7.2). No user information, no empty host.
enum Authority {
    static func isValid(_ bytes: Span<UInt8>) -> Bool {
        guard let first = bytes.isEmpty ? nil : bytes[0] else { return false }
        var end = 0
        if first == UInt8(ascii: "[") {
            guard let close = bytes.firstIndex(of: UInt8(ascii: "]")), close > 2 else { return false }
            for index in 1..<close {
                let byte = bytes[index]
                guard HexDigit.value(byte) != nil || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".") else {
                    return false
                }
            }
            end = close + 1
        } else {
            while end < bytes.count, ByteRules.isHost(bytes[end]) { end += 1 }
            guard end > 0, bytes.extracting(0..<end).isPercentEncodedText else { return false }
        }
        if end == bytes.count { return true }
        guard bytes[end] == UInt8(ascii: ":"), bytes.count - end <= 6 else { return false }
        return bytes.extracting(end + 1..<bytes.count).allSatisfy(ByteRules.isDigit)
    }
}
