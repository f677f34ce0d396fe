internal import CUV

/// A failure of the event loop, of a socket or of the offload pool.
package struct EventLoopError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong, coarse enough to decide on.
    package enum Code: Sendable, Hashable {
        /// Text that is not an address, or an address family that is not IPv4 or IPv6.
        case invalidAddress
        /// The local address is taken (`EADDRINUSE`) or not ours (`EADDRNOTAVAIL`).
        case addressUnavailable
        /// The peer refused the connection (`ECONNREFUSED`).
        case connectionRefused
        /// The peer broke the connection off (`ECONNRESET`, `EPIPE`, `ECONNABORTED`).
        case connectionReset
        /// The bound given for an operation has passed.
        case timedOut
        /// The resource was closed before the operation could finish.
        case closed
        /// A bounded queue is full.
        case overloaded
        /// The loop or pool has been shut down.
        case shutDown
        /// Any other error of the system; `number` tells which.
        case system
    }

    /// What went wrong.
    package let code: Code
    /// The operation and the system's name of the error; holds no data of a user.
    package let message: String
    /// The `errno` value, zero when the system reported none.
    package let number: Int32

    /// Makes an error of the library's own.
    package init(_ code: Code, _ message: String, number: Int32 = 0) {
        self.code = code
        self.message = message
        self.number = number
    }

    /// Whether the same operation may succeed later without a change by the caller.
    package var isRetriable: Bool {
        switch code {
        case .connectionRefused, .connectionReset, .timedOut, .overloaded: true
        case .invalidAddress, .addressUnavailable, .closed, .shutDown, .system: false
        }
    }

    /// The message; free of personal data.
    package var description: String { "\(code): \(message)" }
}

extension EventLoopError {
    /// An error from a negative libuv status, which is a negated `errno` or one of libuv's own codes.
    static func uv(_ status: Int32, _ operation: String) -> EventLoopError {
        let name = unsafe String(cString: uv_err_name(status))
        return EventLoopError(code(of: status), "\(operation): \(name)", number: -status)
    }

    /// An error from a positive `errno`.
    static func system(_ number: Int32, _ operation: String) -> EventLoopError { uv(-number, operation) }

    private static func code(of status: Int32) -> Code {
        switch status {
        case UV_EADDRINUSE.rawValue, UV_EADDRNOTAVAIL.rawValue: .addressUnavailable
        case UV_ECONNREFUSED.rawValue: .connectionRefused
        case UV_ECONNRESET.rawValue, UV_EPIPE.rawValue, UV_ECONNABORTED.rawValue: .connectionReset
        case UV_ETIMEDOUT.rawValue: .timedOut
        case UV_ECANCELED.rawValue: .closed
        default: .system
        }
    }
}
