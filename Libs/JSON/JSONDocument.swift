internal import CSimdjson

/// A parsed JSON text. Values are read in place, through `JSONValue`, which keeps the document alive.
// Immutable after init: the view points into memory that nothing writes until deinit releases it.
@safe package final class JSONDocument: @unchecked Sendable {
    /// How deep arrays and objects may nest unless the caller says otherwise.
    package static let defaultDepth = 64

    private let handle: OpaquePointer
    let view: florin_json_view

    /// Parses a text of UTF-8 without byte order mark, at most 16 MiB long.
    ///
    /// Duplicate keys are kept, in order; see `firstDuplicateKey()`.
    package init(parsing bytes: [UInt8], maximumDepth: Int = JSONDocument.defaultDepth) throws(JSONError) {
        var status = FLORIN_JSON_OK
        var offset = Int.max
        var parsed: OpaquePointer?
        unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe parsed = florin_json_parse(buffer.baseAddress, buffer.count, maximumDepth, &status, &offset)
        }
        guard let owned = unsafe parsed else {
            let known = offset >= 0 && offset <= bytes.count
            throw JSONError(JSONError.Code(rawValue: Int(status.rawValue)) ?? .syntax, offset: known ? offset : nil)
        }
        unsafe handle = owned
        unsafe view = florin_json_get_view(owned)
    }

    deinit {
        unsafe florin_json_release(handle)
    }

    /// The value that the text consists of.
    package var root: JSONValue { JSONValue(document: self, index: 1) }

    /// The first object that has a key twice, as the path to the second occurrence; nil when there is none.
    package func firstDuplicateKey() -> String? {
        var pending: [(path: String, value: JSONValue)] = [("", root)]
        while let (path, value) = pending.popLast() {
            switch value.kind {
            case .array:
                for (position, element) in value.elements.enumerated() where element.isContainer {
                    pending.append((path.isEmpty ? "\(position)" : "\(path).\(position)", element))
                }
            case .object:
                var seen: Set<String> = []
                for member in value.members {
                    let inner = path.isEmpty ? member.key : "\(path).\(member.key)"
                    guard seen.insert(member.key).inserted else { return inner }
                    if member.value.isContainer { pending.append((inner, member.value)) }
                }
            default:
                break
            }
        }
        return nil
    }

    func word(_ index: Int) -> UInt64 { unsafe view.tape[index] }

    /// The index of the word that follows the value at `index`.
    func index(after index: Int) -> Int {
        let word = word(index)
        switch UInt8(truncatingIfNeeded: word >> 56) {
        case TapeKind.startObject, TapeKind.startArray: return Int(word & 0xFFFF_FFFF)
        case TapeKind.signed, TapeKind.unsigned, TapeKind.double: return index + 2
        default: return index + 1
        }
    }

    /// The bytes of the string at `index`, unescaped.
    func withStringBytes<Result>(at index: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        let offset = Int(word(index) & 0x00FF_FFFF_FFFF_FFFF)
        let start = unsafe view.strings + offset
        let count = unsafe UnsafeRawPointer(start).loadUnaligned(as: UInt32.self)
        return unsafe body(UnsafeBufferPointer(start: start + 4, count: Int(count)))
    }

    func string(at index: Int) -> String {
        unsafe withStringBytes(at: index) { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// The text of the value at `index`, without space around it.
    func sourceBytes(at index: Int) -> [UInt8] {
        let last = isContainer(at: index) ? self.index(after: index) - 1 : index
        let start = unsafe Int(view.positions[index])
        var end = unsafe Int(view.positions[last]) + 1
        if last == index {
            end = endOfScalar(from: start)
        }
        return unsafe Array(UnsafeBufferPointer(start: view.source + start, count: end - start))
    }

    func isContainer(at index: Int) -> Bool {
        let kind = UInt8(truncatingIfNeeded: word(index) >> 56)
        return kind == TapeKind.startObject || kind == TapeKind.startArray
    }

    private func endOfScalar(from start: Int) -> Int {
        let source = unsafe UnsafeBufferPointer(start: view.source, count: view.source_count)
        var position = start
        if unsafe source[start] == UInt8(ascii: "\"") {
            position += 1
            while unsafe source[position] != UInt8(ascii: "\"") {
                position += unsafe source[position] == UInt8(ascii: "\\") ? 2 : 1
            }
            return position + 1
        }
        while position < source.count, unsafe !Self.endsScalar(source[position]) { position += 1 }
        return position
    }

    private static func endsScalar(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), 0x20, 0x09, 0x0A, 0x0D: true
        default: false
        }
    }
}

/// The kinds of simdjson's tape words.
enum TapeKind {
    static let startObject = UInt8(ascii: "{")
    static let endObject = UInt8(ascii: "}")
    static let startArray = UInt8(ascii: "[")
    static let endArray = UInt8(ascii: "]")
    static let string = UInt8(ascii: "\"")
    static let signed = UInt8(ascii: "l")
    static let unsigned = UInt8(ascii: "u")
    static let double = UInt8(ascii: "d")
    static let `true` = UInt8(ascii: "t")
    static let `false` = UInt8(ascii: "f")
}
