internal import Foundation
internal import JSON

extension FuzzTarget {
    /// The JSON reader: what it accepts is JSON for another reader too, and survives being written and read again.
    static let json = FuzzTarget("json") { input in
        guard let document = accepted({ () throws(JSONError) in try JSONDocument(parsing: input) }) else { return }
        try require(depth(of: document.root) <= JSONDocument.defaultDepth, "deeper than allowed")
        _ = document.firstDuplicateKey()
        let written = try written(document.root)
        let again = try JSONDocument(parsing: written)
        try require(try JSONText.written(again.root) == written, "written and read it is another text")
        let source = try JSONDocument(parsing: document.root.sourceBytes)
        try require(try JSONText.written(source.root) == written, "the source of the root reads differently")
        do {
            _ = try JSONSerialization.jsonObject(with: Data(input), options: .fragmentsAllowed)
        } catch {
            throw BrokenProperty("another reader refuses it: \(error)")
        }
    }

    private static func written(_ value: JSONValue) throws(BrokenProperty) -> [UInt8] { try JSONText.written(value) }

    private static func depth(of value: JSONValue) -> Int {
        switch value.kind {
        case .array: 1 + (value.elements.map(depth).max() ?? 0)
        case .object: 1 + (value.members.map { depth(of: $0.value) }.max() ?? 0)
        default: 0
        }
    }
}

/// A document written by the cursor and the writer alone.
enum JSONText {
    static func written(_ value: JSONValue) throws(BrokenProperty) -> [UInt8] {
        var writer = JSONWriter()
        try write(value, to: &writer)
        return writer.bytes
    }

    private static func write(_ value: JSONValue, to writer: inout JSONWriter) throws(BrokenProperty) {
        switch value.kind {
        case .null: writer.null()
        case .bool: writer.bool(value.bool ?? false)
        case .integer: writer.int(value.int64 ?? 0)
        case .unsigned, .fraction:
            guard let text = value.numberText, value.double != nil else {
                throw BrokenProperty("a number without text")
            }
            writer.raw(text.utf8)
        case .string:
            guard let text = value.string else { throw BrokenProperty("a string without text") }
            try require(!text.utf8.contains(0), "NUL in a string")
            writer.string(text)
        case .array:
            writer.beginArray()
            for element in value.elements { try write(element, to: &writer) }
            writer.endArray()
        case .object:
            writer.beginObject()
            for member in value.members {
                writer.key(text: member.key)
                try write(member.value, to: &writer)
            }
            writer.endObject()
        }
    }
}
