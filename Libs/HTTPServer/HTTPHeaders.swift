/// Header fields in order, several of one name allowed. Names compare without regard to case (RFC 9110 section 5.1).
package struct HTTPHeaders: Sendable, ExpressibleByDictionaryLiteral {
    private struct Field {
        var start: Int
        var nameCount: Int
        var valueCount: Int
    }

    // All text in one array: a request has many fields and most of them are never looked at.
    private var storage: [UInt8] = []
    private var fields: [Field] = []

    /// No fields.
    package init() {}

    /// Fields from a literal, in its order.
    package init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { append(name, value) }
    }

    /// The number of fields.
    package var count: Int { fields.count }
    /// Whether there is no field.
    package var isEmpty: Bool { fields.isEmpty }

    /// Adds a field after the others. The name must be a token: it comes from the program, not from outside. Control bytes
    /// in the value become spaces, as RFC 9110 section 5.5 has it, so that a value can never begin another field.
    package mutating func append(_ name: String, _ value: String) {
        precondition(!name.isEmpty && name.utf8.allSatisfy(ByteRules.isToken), "not a field name")
        let start = storage.count
        storage.append(contentsOf: name.utf8)
        storage.append(contentsOf: value.utf8.lazy.map { ByteRules.isFieldValue($0) ? $0 : 0x20 })
        fields.append(Field(start: start, nameCount: name.utf8.count, valueCount: value.utf8.count))
    }

    /// Replaces every field of that name by one.
    package mutating func set(_ name: String, _ value: String) {
        remove(name)
        append(name, value)
    }

    /// Removes every field of that name.
    package mutating func remove(_ name: String) {
        fields = fields.filter { !has($0, name) }
        if fields.isEmpty { storage = [] }
    }

    /// The value of the first field of that name.
    package subscript(_ name: String) -> String? {
        for field in fields where has(field, name) { return value(of: field) }
        return nil
    }

    /// The values of all fields of that name, in order.
    package func values(_ name: String) -> [String] {
        fields.filter { has($0, name) }.map { value(of: $0) }
    }

    /// Whether there is a field of that name.
    package func contains(_ name: String) -> Bool { fields.contains { has($0, name) } }

    /// All fields in order.
    package var all: [(name: String, value: String)] {
        fields.map { field in
            (String(decoding: storage[field.start..<field.start + field.nameCount], as: UTF8.self), value(of: field))
        }
    }

    private func value(of field: Field) -> String {
        let start = field.start + field.nameCount
        return String(decoding: storage[start..<start + field.valueCount], as: UTF8.self)
    }

    private func has(_ field: Field, _ name: String) -> Bool {
        guard field.nameCount == name.utf8.count else { return false }
        var index = field.start
        for byte in name.utf8 {
            guard ByteRules.lowercased(storage[index]) == ByteRules.lowercased(byte) else { return false }
            index += 1
        }
        return true
    }
}

extension HTTPHeaders {
    /// Adds a field whose bytes have been checked.
    mutating func append(checked line: Span<UInt8>, name: Range<Int>, value: Range<Int>) {
        if storage.isEmpty {
            storage.reserveCapacity(512)
            fields.reserveCapacity(16)
        }
        let start = storage.count
        for index in name { storage.append(line[index]) }
        for index in value { storage.append(line[index]) }
        fields.append(Field(start: start, nameCount: name.count, valueCount: value.count))
    }

    /// Writes the fields as lines, without those that the server decides on itself.
    func write(to output: inout [UInt8]) {
        for field in fields where !isFraming(field) {
            let middle = field.start + field.nameCount
            output.append(contentsOf: storage[field.start..<middle])
            output.append(contentsOf: [0x3A, 0x20])
            output.append(contentsOf: storage[middle..<middle + field.valueCount])
            output.append(contentsOf: [0x0D, 0x0A])
        }
    }

    private func isFraming(_ field: Field) -> Bool {
        switch field.nameCount {
        case 4: has(field, "date")
        case 10: has(field, "connection") || has(field, "keep-alive")
        case 14: has(field, "content-length")
        case 17: has(field, "transfer-encoding")
        default: false
        }
    }
}
