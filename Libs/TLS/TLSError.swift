/// A failure of TLS.
package struct TLSError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong, coarse enough to decide on.
    package enum Code: Sendable, Hashable {
        /// The file with the certificates cannot be read or holds none.
        case certificate
        /// The file with the key cannot be read, holds none, or one that asks for a password.
        case key
        /// The key is not that of the certificate.
        case mismatch
        /// OpenSSL could not be set up.
        case setup
    }

    /// What went wrong.
    package let code: Code
    /// What OpenSSL says about it; holds no data of a user and nothing of a key.
    package let message: String

    /// Makes an error.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Nothing gets better by repetition alone: a file has to change first.
    package var isRetriable: Bool { false }

    /// The code and the message.
    package var description: String { "\(code): \(message)" }
}
