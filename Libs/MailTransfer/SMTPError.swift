/// Why a mail was not handed to a server, or not surely.
package struct SMTPError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong, coarse enough to decide on.
    package enum Code: Sendable, Hashable {
        /// The URL of the server cannot be used, or curl does not accept a setting.
        case invalidConfiguration
        /// An address that no SMTP command can carry.
        case invalidAddress
        /// The server answered the mail with this reply code (RFC 5321, section 4.2): 4yz passes, 5yz stays.
        case refused(reply: Int)
        /// The server does not serve us whatever the mail: its greeting, its hello or its STARTTLS was a refusal.
        case serverRefused
        /// The server did not accept user and password, or demands them (RFC 4954).
        case authenticationFailed
        /// No protected connection: no STARTTLS where it is required, or a certificate that is not trusted.
        case tlsFailed
        /// The server could not be reached.
        case unreachable
        /// A connection was lost. Whether the server had taken the mail cannot be known.
        case connectionLost
        /// A bound was reached. Whether the server had taken the mail cannot be known.
        case timedOut
        /// More mails wait than the configuration allows.
        case overloaded
        /// The caller's task was cancelled, or the client was shut down.
        case cancelled
    }

    /// What went wrong.
    package let code: Code
    /// Text for an operator; never an address, a content, a user or a password.
    package let message: String

    /// Takes code and text.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Whether the same mail may go through later: by itself, or once an operator has mended what is not the mail's fault.
    package var isRetriable: Bool {
        switch code {
        case .refused(let reply): !(500...599).contains(reply)
        case .invalidConfiguration, .invalidAddress: false
        case .serverRefused, .authenticationFailed, .tlsFailed, .unreachable, .connectionLost, .timedOut, .overloaded,
            .cancelled:
            true
        }
    }

    package var description: String { "SMTP: \(message)" }
}
