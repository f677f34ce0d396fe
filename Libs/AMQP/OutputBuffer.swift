/// Encoded frames on their way to the socket, in order.
struct OutputBuffer {
    private var bytes: [UInt8] = []
    private var head = 0

    /// Bytes not yet written.
    var count: Int { bytes.count - head }
    var isEmpty: Bool { head == bytes.count }

    mutating func append(_ slice: UnsafeRawBufferPointer) {
        unsafe bytes.append(contentsOf: slice)
    }

    mutating func append(_ slice: ArraySlice<UInt8>) { bytes.append(contentsOf: slice) }

    mutating func append(byte: UInt8) { bytes.append(byte) }

    /// Appends in network byte order.
    mutating func append(bigEndian value: some FixedWidthInteger) {
        var shift = value.bitWidth
        while shift > 0 {
            shift -= 8
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    /// Offers what waits to `write`, which answers how many bytes it took.
    mutating func flush(_ write: (ArraySlice<UInt8>) throws(AMQPError) -> Int) throws(AMQPError) {
        head += try write(bytes[head...])
        // Moving the rest to the front only once it is the smaller part keeps the cost per byte constant.
        if head == bytes.count {
            bytes.removeAll(keepingCapacity: bytes.capacity <= 1 << 20)
            head = 0
        } else if head > bytes.count / 2 {
            bytes.removeFirst(head)
            head = 0
        }
    }
}
