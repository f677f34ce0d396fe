/// Gathers a head line by line and checks it as a whole.
struct HeadBuilder: Sendable {
    /// Nil until the request line has told it.
    private(set) var method: HTTPMethod?
    private var version = HTTPVersion.http11
    private var target = RequestTarget()
    private(set) var headers = HTTPHeaders()
    private(set) var framing = HTTPRequestHead.Framing.none
    private var contentLength: Int?
    private var transferEncodings = 0
    private var isChunked = false
    private var host: [UInt8]?
    private var connectionCloses = false
    private var connectionKeepsAlive = false
    private var expectsContinue = false
    var trailerCount = 0

    init() {}

    /// What is known of a head that was refused.
    init(afterRefusalOf head: HeadBuilder) { method = head.method }

    /// `method SP target SP version`, single spaces (RFC 9112 section 3).
    mutating func takeRequestLine(_ line: Span<UInt8>) -> HTTPRefusal.Rule? {
        guard let first = line.firstIndex(of: 0x20), let second = line.firstIndex(of: 0x20, from: first + 1) else {
            return .malformedRequestLine
        }
        if let rule = takeVersion(line.extracting(second + 1..<line.count)) { return rule }
        let name = line.extracting(0..<first)
        guard !name.isEmpty, name.allSatisfy(ByteRules.isToken) else { return .malformedRequestLine }
        guard let known = HTTPMethod.named(name) else { return .unknownMethod }
        method = known
        guard let parsed = RequestTarget(line.extracting(first + 1..<second), method: known) else {
            return .malformedTarget
        }
        target = parsed
        return nil
    }

    /// A higher minor version is served as 1.1 (RFC 9110 section 2.5).
    private mutating func takeVersion(_ text: Span<UInt8>) -> HTTPRefusal.Rule? {
        guard text.count == 8, text.extracting(0..<5).equals("HTTP/"), ByteRules.isDigit(text[5]),
            text[6] == UInt8(ascii: "."), ByteRules.isDigit(text[7])
        else { return .malformedRequestLine }
        guard text[5] == UInt8(ascii: "1") else { return .unsupportedVersion }
        version = text[7] == UInt8(ascii: "0") ? .http10 : .http11
        return nil
    }

    /// Takes a field, noting those that the server itself acts on.
    mutating func takeField(_ line: Span<UInt8>) -> HTTPRefusal.Rule? {
        switch FieldLine.parse(line) {
        case .failure(let refusal): return refusal.rule
        case .success(let field):
            headers.append(checked: line, name: field.name, value: field.value)
            return note(line.extracting(field.name), line.extracting(field.value))
        }
    }

    private mutating func note(_ name: Span<UInt8>, _ value: Span<UInt8>) -> HTTPRefusal.Rule? {
        switch name.count {
        case 4 where name.equalsIgnoringCase("host"): return noteHost(value)
        case 6 where name.equalsIgnoringCase("expect"):
            guard value.equalsIgnoringCase("100-continue") else { return .unknownExpectation }
            expectsContinue = true
        case 10 where name.equalsIgnoringCase("connection"): noteConnection(value)
        case 14 where name.equalsIgnoringCase("content-length"): return noteContentLength(value)
        case 17 where name.equalsIgnoringCase("transfer-encoding"): return noteTransferEncoding(value)
        default: break
        }
        return nil
    }

    private mutating func noteHost(_ value: Span<UInt8>) -> HTTPRefusal.Rule? {
        guard host == nil else { return .duplicateHost }
        guard Authority.isValid(value) else { return .invalidHost }
        var copy: [UInt8] = []
        if target.authority != nil { for index in 0..<value.count { copy.append(ByteRules.lowercased(value[index])) } }
        host = copy
        return nil
    }

    private mutating func noteConnection(_ value: Span<UInt8>) {
        forEachListItem(value) { item in
            if item.equalsIgnoringCase("close") { connectionCloses = true }
            if item.equalsIgnoringCase("keep-alive") { connectionKeepsAlive = true }
        }
    }

    private mutating func noteContentLength(_ value: Span<UInt8>) -> HTTPRefusal.Rule? {
        guard contentLength == nil else { return .duplicateContentLength }
        // 18 digits are below Int.max and above any limit.
        guard value.count > 0, value.count <= 18, value.allSatisfy(ByteRules.isDigit) else {
            return .invalidContentLength
        }
        var length = 0
        for index in 0..<value.count { length = length * 10 + Int(value[index] - 0x30) }
        contentLength = length
        return nil
    }

    private mutating func noteTransferEncoding(_ value: Span<UInt8>) -> HTTPRefusal.Rule? {
        transferEncodings += 1
        guard transferEncodings == 1 else { return .invalidTransferEncoding }
        var codings = 0
        var chunked = 0
        var lastIsChunked = false
        var isWellFormed = true
        forEachListItem(value) { item in
            codings += 1
            lastIsChunked = item.equalsIgnoringCase("chunked")
            if lastIsChunked { chunked += 1 }
            if item.isEmpty || !item.allSatisfy(ByteRules.isToken) { isWellFormed = false }
        }
        guard isWellFormed, lastIsChunked, chunked == 1 else { return .invalidTransferEncoding }
        guard codings == 1 else { return .unsupportedTransferEncoding }
        isChunked = true
        return nil
    }

    /// The rules that concern several lines.
    mutating func build() -> Result<HTTPRequestHead, HTTPRefusal> {
        if let rule = checkWhole() { return .failure(HTTPRefusal(rule)) }
        if isChunked {
            framing = .chunked
        } else if let contentLength, contentLength > 0 {
            framing = .length(contentLength)
        }
        let keepsAlive = !connectionCloses && (version == .http11 || connectionKeepsAlive)
        return .success(
            HTTPRequestHead(
                method: method ?? .get, target: target.text, path: target.path, rawQuery: target.query,
                version: version,
                headers: headers, framing: framing, keepsAlive: keepsAlive,
                expectsContinue: expectsContinue && version == .http11 && framing != .none))
    }

    private func checkWhole() -> HTTPRefusal.Rule? {
        if isChunked, contentLength != nil || version == .http10 { return .ambiguousFraming }
        guard let host else { return version == .http11 ? .missingHost : nil }
        if let authority = target.authority, authority != host { return .invalidHost }
        return nil
    }
}

/// Calls `body` with each item of a comma-separated list, trimmed; an empty item is handed on as such.
private func forEachListItem(_ list: Span<UInt8>, _ body: (Span<UInt8>) -> Void) {
    var start = 0
    while true {
        let comma = list.firstIndex(of: UInt8(ascii: ","), from: start)
        body(list.extracting(list.trimmedRange(start..<(comma ?? list.count))))
        guard let comma else { return }
        start = comma + 1
    }
}
