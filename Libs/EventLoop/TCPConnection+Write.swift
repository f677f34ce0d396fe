internal import CUV

extension TCPConnection {
    /// Most bytes copied for libuv at a time; the rest waits in the caller's own arrays.
    private static let writeSize = 65536

    /// Sends `bytes` after everything sent before. They are handed to the system at once if it takes them, else queued:
    /// watch `queuedBytes`. Dropped when the connection is closing.
    package func write(_ bytes: [UInt8]) {
        loop.preconditionCurrent()
        guard isActive, !bytes.isEmpty else { return }
        guard output.isEmpty else { return output.append(bytes, from: 0) }
        let written = unsafe bytes.withUnsafeBytes { unsafe tryWrite($0) }
        guard let written, written < bytes.count else { return }
        output.append(bytes, from: written)
        sendQueued()
    }

    /// As `write(_:)` for bytes that are copied only if they have to wait.
    package func write(_ bytes: RawSpan) {
        loop.preconditionCurrent()
        guard isActive, !bytes.isEmpty else { return }
        unsafe bytes.withUnsafeBytes { bytes in
            guard output.isEmpty else { return output.append(unsafe [UInt8](bytes), from: 0) }
            guard let written = unsafe tryWrite(bytes), written < bytes.count else { return }
            output.append(unsafe [UInt8](bytes[written...]), from: 0)
            sendQueued()
        }
    }

    /// Bytes accepted by `write` that the system has not taken yet.
    package var queuedBytes: Int { isOpen ? output.count : 0 }

    func didWrite(_ status: Int32) {
        output.finishInFlight()
        guard isOpen else { return }
        guard status == 0 else { return fail(.uv(status, "write to a connection")) }
        sendQueued()
        guard isOpen else { return }
        if output.count < Self.lowMark { delegate?.connectionDidDrain(self) }
        advanceEnding()
    }

    /// The number of bytes the system took, nil when the connection has failed.
    private func tryWrite(_ bytes: UnsafeRawBufferPointer) -> Int? {
        // C rule: uv_try_write only reads from the buffer, though its type is not const.
        let base = unsafe UnsafeMutableRawPointer(mutating: bytes.baseAddress)?.assumingMemoryBound(to: CChar.self)
        var buffer = unsafe uv_buf_t(base: base, len: bytes.count)
        let status = unsafe uv_try_write(stream.stream, &buffer, 1)
        if status >= 0 { return Int(status) }
        if status == UV_EAGAIN.rawValue { return 0 }
        fail(.uv(status, "write to a connection"))
        return nil
    }

    /// Writes the queue out as far as the system takes it; one request in flight waits for more room.
    private func sendQueued() {
        while let chunk = output.first {
            let written = unsafe chunk.bytes.withUnsafeBytes { bytes -> Int? in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[chunk.offset...])
                guard let written = unsafe tryWrite(rest), written < rest.count else { return rest.count }
                let next = unsafe UnsafeRawBufferPointer(rebasing: rest[written...].prefix(Self.writeSize))
                let status = unsafe WriteRequest(self, copying: next).begin()
                guard status == 0 else {
                    fail(.uv(status, "write to a connection"))
                    return nil
                }
                output.beginInFlight(next.count)
                return written + next.count
            }
            guard isOpen, let written else { return }
            output.consume(written)
            if output.isInFlight { return }
        }
    }
}

/// Bytes that wait for room in the system's buffer: arrays as they were given, and what is in libuv's hands.
struct OutputQueue {
    struct Chunk {
        let bytes: [UInt8]
        var offset: Int
    }

    private var chunks: ContiguousArray<Chunk> = []
    private var head = 0
    private var waiting = 0
    private var inFlight = 0

    var isInFlight: Bool { inFlight > 0 }
    var count: Int { waiting + inFlight }
    var isEmpty: Bool { count == 0 }
    var first: Chunk? { head < chunks.count ? chunks[head] : nil }

    mutating func append(_ bytes: [UInt8], from offset: Int) {
        chunks.append(Chunk(bytes: bytes, offset: offset))
        waiting += bytes.count - offset
    }

    mutating func beginInFlight(_ count: Int) { inFlight = count }

    mutating func finishInFlight() { inFlight = 0 }

    /// Takes that many bytes off the first chunk.
    mutating func consume(_ count: Int) {
        waiting -= count
        chunks[head].offset += count
        guard chunks[head].offset == chunks[head].bytes.count else { return }
        chunks[head] = Chunk(bytes: [], offset: 0)
        head += 1
        if head == chunks.count {
            chunks.removeAll(keepingCapacity: false)
            head = 0
        } else if head >= 64, head * 2 > chunks.count {
            chunks.removeFirst(head)
            head = 0
        }
    }
}
