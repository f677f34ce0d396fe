extension Bool: PostgresEncodable, PostgresDecodable {
    package static var postgresType: PostgresType { .bool }
    package func encode(into bytes: inout [UInt8]) { bytes.append(self ? 1 : 0) }

    package static func decode(_ bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) -> Bool {
        guard type == .bool, bytes.count == 1 else { throw mismatch(type) }
        return bytes[0] != 0
    }
}

extension String: PostgresEncodable, PostgresDecodable {
    package static var postgresType: PostgresType { .text }
    package func encode(into bytes: inout [UInt8]) { bytes.append(contentsOf: utf8) }

    package static func decode(_ bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) -> String {
        switch type {
        case .text, .varchar, .bpchar, .name, .unknown: bytes.text()
        default: throw mismatch(type)
        }
    }
}

/// The width sent is the width of the Swift type; every integer column that fits can be read.
extension FixedWidthInteger where Self: SignedInteger {
    fileprivate static func decodeInteger(_ bytes: Span<UInt8>, _ type: PostgresType) -> Self? {
        switch type {
        case .int8: bytes.integer(Int64.self).flatMap { Self(exactly: $0) }
        case .int4: bytes.integer(Int32.self).flatMap { Self(exactly: $0) }
        case .int2: bytes.integer(Int16.self).flatMap { Self(exactly: $0) }
        case .oid: bytes.integer(UInt32.self).flatMap { Self(exactly: $0) }
        default: nil
        }
    }
}

extension Int64: PostgresEncodable, PostgresDecodable {
    package static var postgresType: PostgresType { .int8 }
    package func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(self) }

    package static func decode(_ bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) -> Int64 {
        guard let value = decodeInteger(bytes, type) else { throw mismatch(type) }
        return value
    }
}

extension Int: PostgresEncodable, PostgresDecodable {
    package static var postgresType: PostgresType { .int8 }
    package func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(Int64(self)) }

    package static func decode(_ bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) -> Int {
        guard let value = decodeInteger(bytes, type) else { throw mismatch(type) }
        return value
    }
}

extension Int32: PostgresEncodable, PostgresDecodable {
    package static var postgresType: PostgresType { .int4 }
    package func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(self) }

    package static func decode(_ bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) -> Int32 {
        guard let value = decodeInteger(bytes, type) else { throw mismatch(type) }
        return value
    }
}

extension Int16: PostgresEncodable, PostgresDecodable {
    package static var postgresType: PostgresType { .int2 }
    package func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(self) }

    package static func decode(_ bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) -> Int16 {
        guard let value = decodeInteger(bytes, type) else { throw mismatch(type) }
        return value
    }
}
