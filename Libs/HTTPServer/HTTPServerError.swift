/// A failure that the server reports to the code of its handlers.
package struct HTTPServerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong.
    package enum Code: Sendable, Hashable {
        /// The client is gone, or the response has ended: nothing can be written any more.
        case disconnected
        /// A second write was begun before the first returned.
        case concurrentWrite
    }

    /// What went wrong.
    package let code: Code

    /// Makes an error.
    package init(_ code: Code) { self.code = code }

    /// Nothing the server reports gets better by repetition.
    package var isRetriable: Bool { false }

    /// The code's name.
    package var description: String {
        switch code {
        case .disconnected: "the client is gone or the response has ended"
        case .concurrentWrite: "two writes to one response at the same time"
        }
    }
}
