/// The bytes of a message on their way to curl, which asks for them piece by piece on one thread.
final class MailUpload {
    private let message: [UInt8]
    private let interruptions: [Interruption]
    private var position = 0

    init(_ message: [UInt8], interruptions: [Interruption]) {
        self.message = message
        self.interruptions = interruptions
    }

    var count: Int { message.count }

    /// Whether curl has asked for bytes: the server has then agreed to take the message (354).
    private(set) var hasBegun = false

    /// Whether to give up; not once the message has begun.
    var isInterrupted: Bool { !hasBegun && interruptions.contains { $0.isSet } }

    /// Fills a buffer with what comes next, and returns how much that is; 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        hasBegun = true
        let piece = message[position...].prefix(buffer.count)
        unsafe buffer.copyBytes(from: piece)
        position += piece.count
        return piece.count
    }
}
