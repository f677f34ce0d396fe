package import ProcessorDomain

/// How mails leave.
package protocol MailTransport: Sendable {
    /// Hands a mail over. Handing the same mail over again must not give the recipient a second one, as far as the transport
    /// can tell by the mail's event.
    func send(_ mail: Mail) async throws(MailTransportError)
}

/// Why a mail could not be handed over.
package struct MailTransportError: Error, CustomStringConvertible {
    /// Why, without addresses and content.
    package let reason: String
    /// Whether it may go through later.
    package let isRetriable: Bool

    package init(_ reason: String, isRetriable: Bool) {
        self.reason = reason
        self.isRetriable = isRetriable
    }

    package var description: String { reason }
}
