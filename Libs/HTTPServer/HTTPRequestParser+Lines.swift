internal import WireCodecs

extension HTTPRequestParser {
    /// Takes one line, which may have begun in earlier input, and acts on it. Nil: go on.
    mutating func nextLine(in bytes: Span<UInt8>, from offset: inout Int) -> Event? {
        let start = offset
        guard let lineFeed = bytes.firstIndex(of: 0x0A, from: start) else {
            offset = bytes.count
            // The last byte may be the CR of the line's end.
            guard pending.count + bytes.count - start <= lineLimit + 1 else { return refuse(tooLong) }
            for index in start..<bytes.count { pending.append(bytes[index]) }
            return .needsInput
        }
        offset = lineFeed + 1
        guard !pending.isEmpty else { return take(line: bytes.extracting(start..<lineFeed)) }
        guard pending.count + lineFeed - start <= lineLimit + 1 else { return refuse(tooLong) }
        var line: [UInt8] = []
        swap(&line, &pending)
        for index in start..<lineFeed { line.append(bytes[index]) }
        let event = take(line: line.span)
        line.removeAll(keepingCapacity: true)
        if case .refused = state { return event }
        swap(&line, &pending)
        return event
    }

    /// The limit is looked at before the line's end, so that the answer does not depend on how the bytes were cut.
    private mutating func take(line: Span<UInt8>) -> Event? {
        let hasReturn = line.count > 0 && line[line.count - 1] == 0x0D
        let count = hasReturn ? line.count - 1 : line.count
        guard count <= lineLimit else { return refuse(tooLong) }
        guard hasReturn else { return refuse(.bareLineFeed) }
        return act(on: line.extracting(0..<count))
    }

    private var lineLimit: Int {
        switch state {
        case .requestLine: limits.requestLine
        case .fields, .trailers: max(0, limits.headers - lineBytes - 2)
        case .chunkEnd: 0
        default: Self.chunkLineLimit
        }
    }

    private var tooLong: HTTPRefusal.Rule {
        switch state {
        case .requestLine: .requestLineTooLong
        case .fields, .trailers: .headersTooLarge
        default: .malformedChunk
        }
    }

    private mutating func act(on line: Span<UInt8>) -> Event? {
        switch state {
        case .requestLine: return takeRequestLine(line)
        case .fields: return line.isEmpty ? takeHeadEnd() : takeField(line)
        case .trailers: return line.isEmpty ? finish() : takeTrailer(line)
        case .chunkEnd:
            guard line.isEmpty else { return refuse(.malformedChunk) }
            state = .chunkSize
            return nil
        default: return takeChunkSize(line)
        }
    }

    private mutating func takeRequestLine(_ line: Span<UInt8>) -> Event? {
        if line.isEmpty {
            // RFC 9112 section 2.2: one empty line before the request is to be ignored. More is not a client of HTTP.
            guard !hasSkippedEmptyLine else { return refuse(.malformedRequestLine) }
            hasSkippedEmptyLine = true
            return nil
        }
        if let rule = head.takeRequestLine(line) { return refuse(rule) }
        state = .fields
        return nil
    }

    private mutating func takeField(_ line: Span<UInt8>) -> Event? {
        lineBytes += line.count + 2
        guard head.headers.count < limits.headerCount else { return refuse(.tooManyHeaders) }
        if let rule = head.takeField(line) { return refuse(rule) }
        return nil
    }

    private mutating func takeHeadEnd() -> Event {
        switch head.build() {
        case .failure(let refusal): return refuse(refusal.rule)
        case .success(let built):
            state = .headDone
            lineBytes = 0
            return .head(built)
        }
    }

    /// `1*HEXDIG [";" extensions]` (RFC 9112 section 7.1.1). No white space around the size: parsers differ about it.
    private mutating func takeChunkSize(_ line: Span<UInt8>) -> Event? {
        var size = 0
        var digits = 0
        while digits < line.count, let digit = HexDigit.value(line[digits]) {
            guard digits < 15 else { return refuse(.malformedChunk) }
            size = size << 4 | Int(digit)
            digits += 1
        }
        guard digits > 0 else { return refuse(.malformedChunk) }
        if digits < line.count {
            guard line[digits] == UInt8(ascii: ";"), line.allSatisfy(ByteRules.isFieldValue) else {
                return refuse(.malformedChunk)
            }
        }
        // Tiny chunks with long extensions cost far more to read than the content is worth.
        excessFraming = max(0, excessFraming + line.count + 4 - 16 - 2 * min(size, bodyLimit))
        guard excessFraming <= Self.framingAllowance else { return refuse(.excessiveFraming) }
        guard size <= bodyLimit - bodyBytes else { return refuse(.bodyTooLarge) }
        bodyBytes += size
        state = size == 0 ? .trailers : .chunk(remaining: size)
        return nil
    }

    /// Trailers are checked like fields and dropped: nothing here has a use for them.
    private mutating func takeTrailer(_ line: Span<UInt8>) -> Event? {
        lineBytes += line.count + 2
        head.trailerCount += 1
        guard head.trailerCount <= limits.headerCount else { return refuse(.tooManyHeaders) }
        if case .failure(let refusal) = FieldLine.parse(line) { return refuse(refusal.rule) }
        return nil
    }
}

/// One field line: `name ":" OWS value OWS` (RFC 9112 section 5).
struct FieldLine {
    let name: Range<Int>
    let value: Range<Int>

    static func parse(_ line: Span<UInt8>) -> Result<FieldLine, HTTPRefusal> {
        guard line[0] != 0x20, line[0] != 0x09 else { return .failure(HTTPRefusal(.foldedField)) }
        var colon = 0
        while colon < line.count, ByteRules.isToken(line[colon]) { colon += 1 }
        guard colon > 0, colon < line.count, line[colon] == UInt8(ascii: ":") else {
            return .failure(HTTPRefusal(.malformedField))
        }
        let value = line.trimmedRange(colon + 1..<line.count)
        var isASCII = true
        for index in value {
            guard ByteRules.isFieldValue(line[index]) else { return .failure(HTTPRefusal(.forbiddenByte)) }
            if line[index] > 0x7F { isASCII = false }
        }
        if !isASCII, line.extracting(value).text == nil { return .failure(HTTPRefusal(.forbiddenByte)) }
        return .success(FieldLine(name: 0..<colon, value: value))
    }
}
