package import MailTransfer
package import ProcessorApplication
package import ProcessorDomain

/// Hands mails to a mail server.
///
/// SMTP cannot be asked whether it has seen a mail: handed over twice it arrives twice, with the same Message-ID. Put
/// `RecordedMailTransport` around it.
package struct SMTPMailTransport: MailTransport {
    private let client: SMTPClient
    private let sender: String

    /// - Parameters:
    ///   - client: reaches the server; whoever made it shuts it down.
    ///   - sender: the address mails come from, in the envelope and in the message.
    package init(client: SMTPClient, sender: String) {
        self.client = client
        self.sender = sender
    }

    package func send(_ mail: Mail) async throws(MailTransportError) {
        do throws(SMTPError) {
            try await client.send(mail.message(from: sender), from: sender, to: [mail.to])
        } catch {
            // A setting that is wrong is an operator's to mend, and the mail must not be lost until then.
            throw MailTransportError(
                error.description, isRetriable: error.isRetriable || error.code == .invalidConfiguration)
        }
    }
}
