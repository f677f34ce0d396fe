internal import WireCodecs

extension ImportPricesRequest {
    /// Reads the message where it lies: its content is a part of `bytes`, not a copy.
    package static func read(_ bytes: [UInt8]) throws(ContractError) -> ImportPricesRequest {
        var request = ImportPricesRequest()
        var reader = ProtobufReader(bytes[...])
        while let field = try next(&reader) {
            switch (field.number, field.value) {
            case (1, .bytes(let value)): request.format = try text(value)
            case (2, .bytes(let value)): request.content = value
            case (1, _), (2, _): throw ContractError(.malformedMessage)
            default: continue
            }
        }
        return request
    }

    private static func next(
        _ reader: inout ProtobufReader
    ) throws(ContractError) -> (number: UInt64, value: ProtobufReader.Value)? {
        do throws(ProtobufReader.Fault) {
            return try reader.next()
        } catch {
            throw ContractError(.malformedMessage)
        }
    }

    private static func text(_ bytes: ArraySlice<UInt8>) throws(ContractError) -> String {
        guard !bytes.contains(0) else { throw ContractError(.containsNUL) }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw ContractError(.invalidUTF8) }
        return text
    }

    /// A file is by far the largest thing that a request carries: its bytes are a piece of their own, behind the other fields.
    package func serializedPieces() throws(ContractError) -> [[UInt8]] {
        guard !content.isEmpty else { return [try serialized()] }
        var others = self
        others.content = []
        // Field 2, of the wire type of bytes, then their number (Protocol Buffers encoding, "Length-Delimited Records").
        var head = try others.serialized()
        head.append(2 << 3 | 2)
        var count = UInt(content.count)
        while count > 0x7F {
            head.append(UInt8(truncatingIfNeeded: count) | 0x80)
            count >>= 7
        }
        head.append(UInt8(truncatingIfNeeded: count))
        return [head, Array(content)]
    }
}
