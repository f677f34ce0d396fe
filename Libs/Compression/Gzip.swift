internal import CZlib

/// The `gzip` coding of HTTP (RFC 9110 section 8.4.1.3, RFC 1952).
package enum Gzip {
    /// How much time is spent for fewer bytes.
    package enum Effort: Int32, Sendable {
        /// For what is compressed as it is sent: some 100 MB a second.
        case fast = 1
        /// For what is compressed once.
        case thorough = 9
    }

    /// The bytes compressed; nil where that is not shorter, or memory is short.
    package static func compress(_ bytes: [UInt8], _ effort: Effort) -> [UInt8]? {
        // Nothing longer than the input is wanted, so that there is no need for a larger buffer.
        guard bytes.count > 1, bytes.count <= Int(UInt32.max) else { return nil }
        var stream = unsafe z_stream()
        guard unsafe florin_deflate_init(&stream, effort.rawValue) == Z_OK else { return nil }
        defer { unsafe deflateEnd(&stream) }
        var isComplete = false
        let compressed = unsafe [UInt8](unsafeUninitializedCapacity: bytes.count - 1) { output, count in
            unsafe bytes.withUnsafeBufferPointer { input in
                // zlib reads through the pointer and never writes; its type lacks the const unless ZLIB_CONST is defined.
                unsafe stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                unsafe stream.avail_in = UInt32(input.count)
                unsafe stream.next_out = output.baseAddress
                unsafe stream.avail_out = UInt32(output.count)
                isComplete = unsafe deflate(&stream, Z_FINISH) == Z_STREAM_END
            }
            count = unsafe output.count - Int(stream.avail_out)
        }
        return isComplete ? compressed : nil
    }
}
