internal import EventLoop
internal import Synchronization

/// Hands mails to a mail server. Each mail has a connection of its own, on a thread that may block.
package final class SMTPClient: Sendable {
    /// The server, and bounds.
    package struct Configuration: Sendable {
        /// Where mails go.
        package var server: SMTPServer
        /// The most connections at a time.
        package var connections = 4
        /// The most mails that wait for a connection; one more is refused at once.
        package var queueLimit = 64
        /// The bound of name resolution, connection and TLS handshake.
        package var connectTimeout: Duration = .seconds(5)
        /// The bound of handing over one mail, with all of that and waiting for a connection.
        package var timeout: Duration = .seconds(20)

        /// Takes the server; the bounds are the defaults.
        package init(server: SMTPServer) { self.server = server }
    }

    private let configuration: Configuration
    private let pool: OffloadPool
    private let isShutDown = Interruption()

    /// Starts the threads.
    package init(_ configuration: Configuration) {
        self.configuration = configuration
        pool = OffloadPool(
            name: "smtp", threads: configuration.connections, queueLimit: configuration.queueLimit)
    }

    /// The time after which a call of `send` has surely ended: its bound, and as much for taking leave of the server.
    package var longestSend: Duration { configuration.timeout * 2 }

    /// Hands a mail over. When this returns the server has accepted it (250 after the last byte, RFC 5321, section 4.2.5).
    ///
    /// Cancelling the task ends it while nothing of the message has been sent. Afterwards it goes on to its end, so that as
    /// seldom as can be nobody knows whether the server took the mail.
    ///
    /// - Parameters:
    ///   - message: an Internet message (RFC 5322) with lines ended by CR LF. Dots are stuffed here.
    ///   - sender: the address for the envelope, without angle brackets.
    ///   - recipients: the same, at least one. When the server refuses one the mail goes to none.
    package func send(_ message: [UInt8], from sender: String, to recipients: [String]) async throws(SMTPError) {
        let envelope = try SMTPEnvelope(sender: sender, recipients: recipients)
        let deadline = ContinuousClock.now + configuration.timeout
        let isCancelled = Interruption()
        do {
            try await withTaskCancellationHandler {
                try await pool.run { [configuration, isShutDown] in
                    let remaining = deadline - ContinuousClock.now
                    guard remaining > .milliseconds(1) else {
                        throw SMTPError(.timedOut, "no connection became free in time")
                    }
                    let upload = MailUpload(message, interruptions: [isCancelled, isShutDown])
                    let submission = try MailSubmission(upload)
                    try submission.configure(
                        for: configuration.server, envelope, connectTimeout: configuration.connectTimeout,
                        timeout: remaining)
                    try submission.perform()
                }
            } onCancel: {
                isCancelled.set()
            }
        } catch {
            throw Self.typed(error)
        }
    }

    /// Refuses what waits, ends what has sent nothing of its message yet, waits for the rest. Blocks, at most `longestSend`.
    package func shutdown() {
        isShutDown.set()
        pool.shutdown()
    }

    /// Whether MAIL and RCPT can carry this as an address: within the lengths of RFC 5321, section 4.5.3.1, and without
    /// anything that could end the command or its argument.
    package static func isAddress(_ text: String) -> Bool {
        guard let at = text.utf8.lastIndex(of: UInt8(ascii: "@")) else { return false }
        let (local, domain) = (text.utf8[..<at], text.utf8[text.utf8.index(after: at)...])
        let forbidden: [UInt8] = [UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: " "), 0x7f]
        return 1...64 ~= local.count && 1...255 ~= domain.count
            && text.utf8.allSatisfy { $0 > 0x20 && !forbidden.contains($0) }
    }

    private static func typed(_ error: any Error) -> SMTPError {
        switch error {
        case let error as SMTPError: error
        case let error as EventLoopError where error.code == .overloaded:
            SMTPError(.overloaded, "more mails wait than there may be")
        default: SMTPError(.cancelled, "the mail was called off before it was sent")
        }
    }
}

/// A wish to stop, from any thread.
final class Interruption: Sendable {
    private let flag = Atomic<Bool>(false)

    var isSet: Bool { flag.load(ordering: .acquiring) }

    func set() { flag.store(true, ordering: .releasing) }
}

/// The addresses of the SMTP commands MAIL and RCPT.
struct SMTPEnvelope {
    let sender: String
    let recipients: [String]

    init(sender: String, recipients: [String]) throws(SMTPError) {
        guard !recipients.isEmpty else { throw SMTPError(.invalidAddress, "the mail has no recipient") }
        for address in [sender] + recipients where !SMTPClient.isAddress(address) {
            throw SMTPError(.invalidAddress, "an address is none that SMTP can carry")
        }
        self.sender = "<\(sender)>"
        self.recipients = recipients.map { "<\($0)>" }
    }
}
