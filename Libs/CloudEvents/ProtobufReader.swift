/// The fields of one protobuf message (Protocol Buffers, "Encoding"), in the order of the wire; unknown ones are for the
/// caller to skip.
struct ProtobufReader {
    /// A field's value as the wire has it.
    enum Value {
        case varint(UInt64)
        case fixed64
        case fixed32
        case bytes(ArraySlice<UInt8>)
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    /// The next field, nil at the end.
    mutating func next() throws(CloudEventError) -> (number: UInt64, value: Value)? {
        guard !rest.isEmpty else { return nil }
        let tag = try varint()
        let number = tag >> 3
        guard number >= 1, number <= 0x1FFF_FFFF else { throw Self.malformed("a field number is out of range") }
        switch tag & 7 {
        case 0:
            return (number, .varint(try varint()))
        case 1:
            _ = try take(8)
            return (number, .fixed64)
        case 2:
            let count = try varint()
            guard count <= UInt64(rest.count) else { throw Self.malformed("a length goes beyond the end") }
            return (number, .bytes(try take(Int(count))))
        case 5:
            _ = try take(4)
            return (number, .fixed32)
        default:
            throw Self.malformed("a wire type is unknown")
        }
    }

    private mutating func take(_ count: Int) throws(CloudEventError) -> ArraySlice<UInt8> {
        guard count <= rest.count else { throw Self.malformed("a field goes beyond the end") }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    /// At most ten bytes; what does not fit 64 bits is refused.
    private mutating func varint() throws(CloudEventError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = rest.popFirst() {
            let bits = UInt64(byte & 0x7F)
            guard shift < 63 || (shift == 63 && bits <= 1) else { throw Self.malformed("a number exceeds 64 bits") }
            value |= bits << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw malformedEnd
    }

    private var malformedEnd: CloudEventError { Self.malformed("a number has no end") }

    static func malformed(_ rule: String) -> CloudEventError { CloudEventError(.malformed, rule) }
}

extension ProtobufReader.Value {
    /// The bytes of a field that must have some.
    func requireBytes() throws(CloudEventError) -> ArraySlice<UInt8> {
        guard case .bytes(let bytes) = self else { throw ProtobufReader.malformed("a field has the wrong wire type") }
        return bytes
    }

    /// The text of a field that must be valid UTF-8.
    func requireText() throws(CloudEventError) -> String {
        guard let text = String(validating: try requireBytes(), as: UTF8.self) else {
            throw ProtobufReader.malformed("a string is not UTF-8")
        }
        return text
    }

    /// The number of a field that must be one.
    func requireVarint() throws(CloudEventError) -> UInt64 {
        guard case .varint(let value) = self else { throw ProtobufReader.malformed("a field has the wrong wire type") }
        return value
    }
}
