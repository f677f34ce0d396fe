extension ImportPricesRequest {
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
        return [head, content]
    }
}
