/// The parameters of a query in binary form, one after the other in one buffer.
struct PostgresBindings: Sendable, Hashable {
    /// The OID of each parameter's type.
    private(set) var types: [UInt32] = []
    /// The length of each value, -1 for NULL.
    private(set) var lengths: [Int32] = []
    /// The values, after one byte that is none: so even a value of no bytes has an address, which libpq asks for.
    private(set) var bytes: [UInt8] = []

    static let firstValueOffset = 1

    var count: Int { types.count }

    mutating func append<T: PostgresEncodable>(_ value: T) {
        types.append(T.postgresType.oid)
        guard !value.isPostgresNull else { return lengths.append(-1) }
        if bytes.isEmpty { bytes.append(0) }
        let start = bytes.count
        value.encode(into: &bytes)
        lengths.append(Int32(clamping: bytes.count - start))
    }

    mutating func append(contentsOf other: PostgresBindings) {
        types += other.types
        lengths += other.lengths
        bytes += bytes.isEmpty ? other.bytes[...] : other.bytes.dropFirst(Self.firstValueOffset)
    }
}
