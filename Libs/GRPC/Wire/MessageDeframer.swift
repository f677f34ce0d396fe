/// Cuts a stream of bytes into messages: each has a flag byte, its length in four bytes, big-endian, and its bytes
/// (grpc/grpc: doc/PROTOCOL-HTTP2.md, "Length-Prefixed-Message").
package struct MessageDeframer: Sendable {
    /// Why the bytes cannot be read on. The stream has no way back.
    package enum Failure: Error, Hashable {
        /// The message is compressed, and no compression was offered.
        case compressed
        /// The flag byte is neither 0 nor 1.
        case invalidFlag(UInt8)
        /// The message says to be longer than the limit.
        case tooLarge(length: Int, limit: Int)
    }

    /// The bytes before a message.
    package static let headerBytes = 5
    /// The most that is set aside on the word of the length alone, before the bytes are there.
    private static let trustedCapacity = 256 * 1024

    private let maximumMessageBytes: Int
    private var header: [UInt8] = []
    private var message: [UInt8] = []
    private var length: Int?

    /// A deframer at the beginning of a stream, for messages of at most that length.
    package init(maximumMessageBytes: Int) {
        self.maximumMessageBytes = maximumMessageBytes
        header.reserveCapacity(Self.headerBytes)
    }

    /// Bytes of a message that is not complete.
    package var partialBytes: Int { header.count + message.count }

    /// Takes the next bytes and hands out each message they complete.
    package mutating func append(_ bytes: RawSpan, onMessage: ([UInt8]) -> Void) throws(Failure) {
        var offset = 0
        while offset < bytes.byteCount {
            if let length {
                let count = min(length - message.count, bytes.byteCount - offset)
                append(bytes.extracting(offset..<offset + count), to: &message)
                offset += count
            } else {
                let count = min(Self.headerBytes - header.count, bytes.byteCount - offset)
                append(bytes.extracting(offset..<offset + count), to: &header)
                offset += count
                guard header.count == Self.headerBytes else { return }
                try readHeader()
            }
            guard message.count == length else { continue }
            onMessage(message)
            message = []
            header.removeAll(keepingCapacity: true)
            length = nil
        }
    }

    private mutating func readHeader() throws(Failure) {
        switch header[0] {
        case 0: break
        case 1: throw .compressed
        default: throw .invalidFlag(header[0])
        }
        let length = header[1...].reduce(0) { $0 << 8 | Int($1) }
        guard length <= maximumMessageBytes else { throw .tooLarge(length: length, limit: maximumMessageBytes) }
        self.length = length
        message.reserveCapacity(min(length, Self.trustedCapacity))
    }

    private func append(_ span: RawSpan, to array: inout [UInt8]) {
        unsafe span.withUnsafeBytes { unsafe array.append(contentsOf: $0) }
    }
}

/// Puts the flag and the length before a message.
package enum MessageFraming {
    /// The message as it goes into the stream; its length must fit 32 bits.
    package static func frame(_ message: [UInt8]) -> [UInt8] {
        var framed: [UInt8] = []
        framed.reserveCapacity(MessageDeframer.headerBytes + message.count)
        appendHeader(of: message.count, to: &framed)
        framed.append(contentsOf: message)
        return framed
    }

    /// As `frame(_:)` for a message in pieces; a large piece goes into the stream without a copy.
    package static func frame(pieces: [[UInt8]]) -> [[UInt8]] {
        var framed: [[UInt8]] = [[]]
        appendHeader(of: pieces.reduce(0) { $0 + $1.count }, to: &framed[0])
        for piece in pieces {
            if piece.count < largePiece { framed[framed.count - 1] += piece } else { framed += [piece, []] }
        }
        return framed.filter { !$0.isEmpty }
    }

    /// Below this a copy costs less than a chunk of its own.
    private static let largePiece = 16 * 1024

    private static func appendHeader(of count: Int, to bytes: inout [UInt8]) {
        let length = UInt32(count)
        bytes.append(0)
        for shift in stride(from: 24, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: length >> UInt32(shift)))
        }
    }
}
