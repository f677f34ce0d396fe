package import Chronology
package import Money

/// A type whose arrays PostgreSQL knows. `UInt8` conforms too, so that `[UInt8]` is `bytea`, not an array.
package protocol PostgresArrayElement: Sendable {
    /// The type of the whole array.
    static var postgresArrayType: PostgresType { get }

    /// Appends the binary form of the whole array.
    static func encodeArray(_ elements: [Self], into bytes: inout [UInt8])

    /// Reads the binary form of a whole array.
    static func decodeArray(_ bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) -> [Self]
}

extension Array: PostgresEncodable where Element: PostgresArrayElement {
    package static var postgresType: PostgresType { Element.postgresArrayType }
    package func encode(into bytes: inout [UInt8]) { Element.encodeArray(self, into: &bytes) }
}

extension Array: PostgresDecodable where Element: PostgresArrayElement {
    package static func decode(_ bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) -> [Element] {
        try Element.decodeArray(bytes, type: type)
    }
}

extension UInt8: PostgresArrayElement {
    package static var postgresArrayType: PostgresType { .bytea }
    package static func encodeArray(_ elements: [UInt8], into bytes: inout [UInt8]) {
        bytes.append(contentsOf: elements)
    }

    package static func decodeArray(_ bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) -> [UInt8] {
        guard type == .bytea else { throw [UInt8].mismatch(type) }
        return bytes.copied()
    }
}

extension PostgresArrayElement where Self: PostgresEncodable {
    /// Dimensions (none for an empty array), whether there are NULLs, element type, length, lower bound 1, elements.
    package static func encodeArray(_ elements: [Self], into bytes: inout [UInt8]) {
        bytes.appendBigEndian(Int32(elements.isEmpty ? 0 : 1))
        bytes.appendBigEndian(Int32(elements.contains { $0.isPostgresNull } ? 1 : 0))
        bytes.appendBigEndian(postgresType.oid)
        guard !elements.isEmpty else { return }
        bytes.appendBigEndian(Int32(clamping: elements.count))
        bytes.appendBigEndian(Int32(1))
        for element in elements {
            bytes.appendLengthPrefixed(element.isPostgresNull ? nil : { element.encode(into: &$0) })
        }
    }
}

extension PostgresArrayElement where Self: PostgresDecodable {
    package static func decodeArray(_ bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) -> [Self] {
        var offset = 0
        guard let dimensions = bytes.integer(Int32.self, at: &offset), 0...1 ~= dimensions,
            bytes.integer(Int32.self, at: &offset) != nil, let oid = bytes.integer(UInt32.self, at: &offset)
        else { throw mismatch(type) }
        guard dimensions == 1 else { return [] }
        // An element has at least its length of 4 bytes, which bounds what a count may reserve.
        guard let count = bytes.integer(Int32.self, at: &offset), bytes.integer(Int32.self, at: &offset) != nil,
            0...(bytes.count - offset) / 4 ~= Int(count)
        else { throw mismatch(type) }
        var elements: [Self] = []
        elements.reserveCapacity(Int(count))
        for _ in 0..<count {
            guard let length = bytes.integer(Int32.self, at: &offset), length <= bytes.count - offset else {
                throw mismatch(type)
            }
            if length < 0 {
                elements.append(try decodeNull())
            } else {
                let end = offset + Int(length)
                elements.append(try decode(bytes.extracting(offset..<end), type: PostgresType(oid: oid)))
                offset = end
            }
        }
        return elements
    }
}

extension Optional: PostgresArrayElement where Wrapped: PostgresArrayElement & PostgresEncodable & PostgresDecodable {
    package static var postgresArrayType: PostgresType { Wrapped.postgresArrayType }
}

extension Array: PostgresArrayElement where Element == UInt8 {
    package static var postgresArrayType: PostgresType { .byteaArray }
}

extension Bool: PostgresArrayElement {
    package static var postgresArrayType: PostgresType { .boolArray }
}

extension String: PostgresArrayElement {
    package static var postgresArrayType: PostgresType { .textArray }
}

extension Int64: PostgresArrayElement {
    package static var postgresArrayType: PostgresType { .int8Array }
}

extension Int: PostgresArrayElement {
    package static var postgresArrayType: PostgresType { .int8Array }
}

extension Int32: PostgresArrayElement {
    package static var postgresArrayType: PostgresType { .int4Array }
}

extension Int16: PostgresArrayElement {
    package static var postgresArrayType: PostgresType { .int2Array }
}

extension UUIDv7: PostgresArrayElement {
    package static var postgresArrayType: PostgresType { .uuidArray }
}

extension CalendarDate: PostgresArrayElement {
    package static var postgresArrayType: PostgresType { .dateArray }
}

extension Timestamp: PostgresArrayElement {
    package static var postgresArrayType: PostgresType { .timestamptzArray }
}

extension JSONText: PostgresArrayElement {
    package static var postgresArrayType: PostgresType { .jsonbArray }
}

extension Decimal: PostgresArrayElement {
    package static var postgresArrayType: PostgresType { .numericArray }
}
