/// A JSON object under construction that never grows past its limit.
struct LogLine {
    /// What a single string value may take before it is cut.
    static let maximumValueBytes = 1024
    private static let tail = Array(",\"truncated\":true}\n".utf8)

    private let limit: Int
    private var bytes: [UInt8] = [UInt8(ascii: "{")]
    private var isTruncated = false

    init(limit: Int) {
        self.limit = limit
        bytes.reserveCapacity(512)
    }

    /// Adds a member, or notes that it did not fit.
    mutating func add(_ key: String, _ value: LogValue) {
        let start = bytes.count
        if start > 1 { bytes.append(UInt8(ascii: ",")) }
        appendQuoted(key)
        bytes.append(UInt8(ascii: ":"))
        append(value)
        if bytes.count > limit - LogLine.tail.count {
            bytes.removeSubrange(start...)
            isTruncated = true
        }
    }

    /// The line with its closing brace and newline.
    consuming func finished() -> [UInt8] {
        if isTruncated {
            bytes += LogLine.tail
        } else {
            bytes += [UInt8(ascii: "}"), 0x0A]
        }
        return bytes
    }

    private mutating func append(_ value: LogValue) {
        switch value {
        case .string(let text): appendQuoted(text)
        case .int(let number): bytes += "\(number)".utf8
        case .double(let number):
            if number.isFinite { bytes += "\(number)".utf8 } else { appendQuoted("\(number)") }
        case .bool(let flag): bytes += (flag ? "true" : "false").utf8
        case .strings(let texts):
            bytes.append(UInt8(ascii: "["))
            for (index, text) in texts.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                appendQuoted(text)
            }
            bytes.append(UInt8(ascii: "]"))
        }
    }

    private mutating func appendQuoted(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        if text.utf8.count <= LogLine.maximumValueBytes, text.utf8.allSatisfy(LogLine.isPlain) {
            bytes += text.utf8
        } else {
            appendEscaped(text)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Printable ASCII that means nothing to JSON: nearly all that is ever logged.
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x7F && byte != 0x22 && byte != 0x5C
    }

    private mutating func appendEscaped(_ text: String) {
        var length = 0
        for scalar in text.unicodeScalars {
            length += UTF8.width(scalar)
            if length > LogLine.maximumValueBytes {
                isTruncated = true
                break
            }
            append(scalar)
        }
    }

    /// Control characters and the two line separators are escaped, so that a line stays a line in any viewer.
    private mutating func append(_ scalar: Unicode.Scalar) {
        switch scalar.value {
        case 0x22: bytes += [0x5C, 0x22]
        case 0x5C: bytes += [0x5C, 0x5C]
        case 0x0A: bytes += [0x5C, 0x6E]
        case 0x0D: bytes += [0x5C, 0x72]
        case 0x09: bytes += [0x5C, 0x74]
        case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029:
            bytes += [0x5C, 0x75]
            Hexadecimal.append(UInt64(scalar.value), digits: 4, to: &bytes)
        default: bytes += UTF8.encode(scalar).map { Array($0) } ?? []
        }
    }
}
