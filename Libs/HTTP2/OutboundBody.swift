/// What a stream still has to send: bytes in chunks, then perhaps trailers.
package struct OutboundBody {
    /// What the sender is to do after it has taken bytes.
    enum Continuation: Equatable {
        /// More bytes are there.
        case more
        /// Nothing is there now; the stream goes on.
        case starved
        /// All is sent; the last DATA frame ends the stream.
        case ended
        /// All is sent; these trailers end the stream.
        case trailers([HeaderField])
    }

    private var chunks: [[UInt8]] = []
    private var firstChunk = 0
    private var offset = 0
    private var ending: Continuation?
    /// Bytes not taken yet.
    package private(set) var queuedBytes = 0

    /// True once nothing more may be added.
    package var isEnded: Bool { ending != nil }

    /// Adds bytes at the end; none once the body has ended.
    package mutating func append(_ bytes: [UInt8]) {
        guard !bytes.isEmpty, !isEnded else { return }
        chunks.append(bytes)
        queuedBytes += bytes.count
    }

    /// Ends the body; the first end counts.
    package mutating func end(trailers: [HeaderField]? = nil) {
        guard !isEnded else { return }
        ending = trailers.map { .trailers($0) } ?? .ended
    }

    /// Moves as many bytes as fit into the buffer.
    mutating func take(into buffer: UnsafeMutableRawBufferPointer) -> (count: Int, then: Continuation) {
        var filled = 0
        while filled < buffer.count, firstChunk < chunks.count {
            let count = min(buffer.count - filled, chunks[firstChunk].count - offset)
            unsafe chunks[firstChunk].withUnsafeBytes { chunk in
                let target = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
                unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: chunk[offset..<offset + count]))
            }
            filled += count
            offset += count
            if offset == chunks[firstChunk].count { dropFirstChunk() }
        }
        queuedBytes -= filled
        return (filled, queuedBytes > 0 ? .more : ending ?? .starved)
    }

    private mutating func dropFirstChunk() {
        chunks[firstChunk] = []
        firstChunk += 1
        offset = 0
        if firstChunk == chunks.count {
            chunks.removeAll(keepingCapacity: true)
            firstChunk = 0
        } else if firstChunk >= 64 {
            chunks.removeSubrange(..<firstChunk)
            firstChunk = 0
        }
    }
}
