/// A value that can be bound to a parameter. Always sent in PostgreSQL's binary form.
package protocol PostgresEncodable: Sendable {
    /// The type declared for the parameter.
    static var postgresType: PostgresType { get }

    /// Whether the value is NULL; then `encode` is not called.
    var isPostgresNull: Bool { get }

    /// Appends the binary form, without its length.
    func encode(into bytes: inout [UInt8])
}

extension PostgresEncodable {
    package var isPostgresNull: Bool { false }
}

/// A value that can be read from a column of a result.
package protocol PostgresDecodable: Sendable {
    /// Reads the binary form of a value of `type`. Throws `typeMismatch` for a type or a value that does not fit.
    static func decode(_ bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) -> Self

    /// What NULL becomes; throws `unexpectedNull` but for optionals.
    static func decodeNull() throws(PostgresError) -> Self
}

extension PostgresDecodable {
    package static func decodeNull() throws(PostgresError) -> Self {
        throw PostgresError(.unexpectedNull, "NULL where \(Self.self) is expected")
    }

    static func mismatch(_ type: PostgresType) -> PostgresError {
        PostgresError(.typeMismatch, "a value of type OID \(type.oid) is no \(Self.self)")
    }
}

/// A value that can be bound and read.
package typealias PostgresCodable = PostgresEncodable & PostgresDecodable

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    package static var postgresType: PostgresType { Wrapped.postgresType }
    package var isPostgresNull: Bool { self?.isPostgresNull ?? true }
    package func encode(into bytes: inout [UInt8]) { self?.encode(into: &bytes) }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    package static func decode(_ bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) -> Wrapped? {
        try Wrapped.decode(bytes, type: type)
    }

    package static func decodeNull() throws(PostgresError) -> Wrapped? { nil }
}

/// Enumerations with a raw value travel as that raw value.
extension PostgresEncodable where Self: RawRepresentable, RawValue: PostgresEncodable {
    package static var postgresType: PostgresType { RawValue.postgresType }
    package func encode(into bytes: inout [UInt8]) { rawValue.encode(into: &bytes) }
}

extension PostgresDecodable where Self: RawRepresentable, RawValue: PostgresDecodable {
    package static func decode(_ bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) -> Self {
        guard let value = Self(rawValue: try RawValue.decode(bytes, type: type)) else { throw mismatch(type) }
        return value
    }
}
