internal import Curl

/// The bytes of a message on their way to curl, which asks for them piece by piece on one thread.
final class MailUpload: CurlDelegate {
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

    /// What comes next; nothing at the end.
    func next(atMost count: Int) -> ArraySlice<UInt8> {
        hasBegun = true
        let piece = message[position...].prefix(count)
        position += piece.count
        return piece
    }
}
