/// The seeds and the words of a target, from a text file: a seed on each line, `word:` before a piece of input that is worth
/// trying anywhere, `#` before a remark. `\n`, `\r`, `\\` and `\xHH` stand for the bytes that cannot stand in a line.
struct SeedFile: Sendable {
    private(set) var seeds: [[UInt8]] = []
    private(set) var words: [[UInt8]] = []

    init() {}

    /// Reads a file's text.
    init(_ text: String) throws {
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            let isWord = line.hasPrefix("word:")
            guard let bytes = Self.unescaped(isWord ? line.dropFirst("word:".count) : line) else {
                throw FuzzUsageError("line \(index + 1) of a file of seeds has a wrong escape")
            }
            if isWord { words.append(bytes) } else { seeds.append(bytes) }
        }
    }

    private static func unescaped(_ line: Substring) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = line.utf8
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "n"): bytes.append(0x0A)
            case UInt8(ascii: "r"): bytes.append(0x0D)
            case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "\\"))
            case UInt8(ascii: "x"):
                let digits = String(Substring(rest.prefix(2)))
                guard digits.utf8.count == 2, let value = UInt8(digits, radix: 16) else { return nil }
                rest = rest.dropFirst(2)
                bytes.append(value)
            default: return nil
            }
        }
        return bytes
    }
}
