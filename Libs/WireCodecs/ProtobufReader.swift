/// The fields of one protobuf message (Protocol Buffers, "Encoding"), in the order of the wire; unknown ones are for the
/// caller to skip. For the few messages that are read without generated code.
package struct ProtobufReader {
    /// What makes a message malformed.
    package struct Fault: Error, Sendable {
        /// The rule that is broken, without data.
        package let rule: String

        init(_ rule: String) { self.rule = rule }
    }

    /// A field's value as the wire has it.
    package enum Value {
        case varint(UInt64)
        case fixed64
        case fixed32
        case bytes(ArraySlice<UInt8>)
    }

    private var rest: ArraySlice<UInt8>

    /// Reads these bytes from their beginning.
    package init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    /// The next field, nil at the end. Groups are not known.
    package mutating func next() throws(Fault) -> (number: UInt64, value: Value)? {
        guard !rest.isEmpty else { return nil }
        let tag = try varint()
        let number = tag >> 3
        guard number >= 1, number <= 0x1FFF_FFFF else { throw Fault("a field number is out of range") }
        switch tag & 7 {
        case 0:
            return (number, .varint(try varint()))
        case 1:
            _ = try take(8)
            return (number, .fixed64)
        case 2:
            let count = try varint()
            guard count <= UInt64(rest.count) else { throw Fault("a length goes beyond the end") }
            return (number, .bytes(try take(Int(count))))
        case 5:
            _ = try take(4)
            return (number, .fixed32)
        default:
            throw Fault("a wire type is unknown")
        }
    }

    private mutating func take(_ count: Int) throws(Fault) -> ArraySlice<UInt8> {
        guard count <= rest.count else { throw Fault("a field goes beyond the end") }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    /// At most ten bytes; what does not fit 64 bits is refused.
    private mutating func varint() throws(Fault) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = rest.popFirst() {
            let bits = UInt64(byte & 0x7F)
            guard shift < 63 || (shift == 63 && bits <= 1) else { throw Fault("a number exceeds 64 bits") }
            value |= bits << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw Fault("a number has no end")
    }
}
