/// Why a request got no answer.
package struct HTTPClientError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong, coarse enough to decide on.
    package enum Code: Sendable, Hashable {
        /// No URL that may be asked, or a header that cannot be sent.
        case invalidRequest
        /// No address for the name, or nobody who answers there.
        case unreachable
        /// No protected connection, or a certificate that is not trusted.
        case tlsFailed
        /// The connection was lost, or what came was no answer.
        case connectionLost
        /// The bound of time was reached.
        case timedOut
        /// The answer has more bytes than are taken.
        case tooLarge
        /// More requests wait than may.
        case overloaded
        /// The caller's task was cancelled, or the client was shut down.
        case cancelled
    }

    /// What went wrong.
    package let code: Code
    /// Text for an operator; never a URL or anything that was sent.
    package let message: String

    /// Takes code and text.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Whether the same request may be answered later.
    package var isRetriable: Bool { code != .invalidRequest && code != .tooLarge }

    package var description: String { "HTTP: \(message)" }
}
