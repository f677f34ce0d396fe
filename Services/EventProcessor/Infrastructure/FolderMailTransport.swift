package import EventLoop
package import ProcessorApplication
package import ProcessorDomain
import ServiceRuntime

/// Puts each mail into a folder as `<event id>.eml`, for development and for a mail program that picks them up.
///
/// A reader sees a whole mail or none, and the same mail written again is the same file.
package struct FolderMailTransport: MailTransport {
    private let folder: String
    private let sender: String
    private let pool: OffloadPool

    /// - Parameters:
    ///   - folder: an existing directory.
    ///   - sender: the address mails come from.
    ///   - pool: where the blocking calls run.
    package init(folder: String, sender: String, pool: OffloadPool) {
        self.folder = folder
        self.sender = sender
        self.pool = pool
    }

    package func send(_ mail: Mail) async throws(MailTransportError) {
        let message = mail.message(from: sender)
        let path = "\(folder)/\(mail.eventID).eml"
        do {
            try await pool.run { try AtomicFile.write(message, to: path) }
        } catch {
            // A full disk or a missing folder is mended by an operator, and the mail must not be lost until then.
            throw MailTransportError("the mail folder takes no mail: \(error)", isRetriable: true)
        }
    }
}
