/// What went wrong between this process and the broker.
package struct AMQPError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. More kinds may be added.
    package enum Code: Sendable, Hashable {
        /// The URL or another setting cannot be used.
        case invalidConfiguration
        /// A message, queue or table that cannot be put on the wire.
        case invalidArgument
        /// The broker could not be reached.
        case connectFailed
        /// The broker refused the login (reply code 403 and the like).
        case loginRefused
        /// An open connection was lost.
        case connectionLost
        /// The broker closed the connection, with its AMQP 0-9-1 reply code.
        case connectionClosed(replyCode: UInt16)
        /// The broker closed a channel, with its AMQP 0-9-1 reply code (404, 405, 406 …).
        case channelClosed(replyCode: UInt16)
        /// Something that AMQP 0-9-1 does not allow here arrived.
        case protocolViolation
        /// A bound was reached before the answer came.
        case timedOut
        /// More is waiting than the configuration allows.
        case overloaded
        /// The caller's task was cancelled.
        case cancelled
        /// This connection was shut down by its owner.
        case shutDown
        /// The operating system refused a resource (descriptor, thread).
        case system
    }

    package let code: Code
    /// Text for an operator: reply texts of the broker, never message contents or credentials.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Whether the same call can succeed later without a change by a person.
    package var isRetriable: Bool {
        switch code {
        case .connectFailed, .connectionLost, .connectionClosed, .timedOut, .overloaded, .system: true
        // 404 and 405 pass when the missing or locked resource is declared or released; 406 does not.
        case .channelClosed(let replyCode): replyCode != 406 && replyCode != 403
        case .invalidConfiguration, .invalidArgument, .loginRefused, .protocolViolation, .cancelled, .shutDown: false
        }
    }

    package var description: String { "AMQP \(code): \(message)" }
}
