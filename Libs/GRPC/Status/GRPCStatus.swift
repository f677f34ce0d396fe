/// How a call ended when it did not end well: the error type of this library, thrown by handlers and by calls.
///
/// `description` names the code only, since `message` was written for the caller and may hold the caller's data;
/// `String(reflecting:)` shows both.
package struct GRPCStatus: Error, Sendable, Hashable {
    /// The canonical codes (grpc/grpc: doc/statuscodes.md); the raw value is the number in `grpc-status`.
    package enum Code: Int, Sendable, CaseIterable {
        case ok = 0
        case cancelled = 1
        case unknown = 2
        case invalidArgument = 3
        case deadlineExceeded = 4
        case notFound = 5
        case alreadyExists = 6
        case permissionDenied = 7
        case resourceExhausted = 8
        case failedPrecondition = 9
        case aborted = 10
        case outOfRange = 11
        case unimplemented = 12
        case internalError = 13
        case unavailable = 14
        case dataLoss = 15
        case unauthenticated = 16
    }

    /// Who ended the call.
    package enum Origin: Sendable, Hashable {
        /// The server did, or it is a status that a handler throws.
        case server
        /// Our side did, before any server had seen the call.
        case unsent
        /// The connection was lost while the call was under way: the server may have acted on it.
        case connectionLost
        /// Our side did while the call was under way: its time was over, or nobody waited for it any more.
        case caller
    }

    /// What kind of end it was.
    package var code: Code
    /// Text for the developer at the other end; it travels percent-encoded in `grpc-message`.
    package var message: String
    /// A serialised `google.rpc.Status` (`grpc-status-details-bin`); empty when there is none.
    package var details: [UInt8]
    /// Metadata that came, or is to go, in the trailers beside the status.
    package var metadata: GRPCMetadata
    /// Who ended the call; does not travel.
    package var origin = Origin.server
    /// Whether the channel asks other addresses than the one that the call was sent to from now on; does not travel.
    package var isAddressEjected = false

    /// A status of that code.
    package init(
        _ code: Code, _ message: String = "", details: [UInt8] = [], metadata: GRPCMetadata = GRPCMetadata(),
        origin: Origin = .server
    ) {
        self.code = code
        self.origin = origin
        self.message = message
        self.details = details
        self.metadata = metadata
    }

    /// True when the same call may succeed later without any change: the peer was not there, refused for now, or was lost
    /// on the way. A lost call may have had its effect; only the caller knows whether it can be repeated safely.
    package var isRetriable: Bool { code == .unavailable }
}

extension GRPCStatus.Code: CustomStringConvertible {
    /// The canonical upper-case name, such as `NOT_FOUND`.
    package var description: String {
        switch self {
        case .ok: "OK"
        case .cancelled: "CANCELLED"
        case .unknown: "UNKNOWN"
        case .invalidArgument: "INVALID_ARGUMENT"
        case .deadlineExceeded: "DEADLINE_EXCEEDED"
        case .notFound: "NOT_FOUND"
        case .alreadyExists: "ALREADY_EXISTS"
        case .permissionDenied: "PERMISSION_DENIED"
        case .resourceExhausted: "RESOURCE_EXHAUSTED"
        case .failedPrecondition: "FAILED_PRECONDITION"
        case .aborted: "ABORTED"
        case .outOfRange: "OUT_OF_RANGE"
        case .unimplemented: "UNIMPLEMENTED"
        case .internalError: "INTERNAL"
        case .unavailable: "UNAVAILABLE"
        case .dataLoss: "DATA_LOSS"
        case .unauthenticated: "UNAUTHENTICATED"
        }
    }
}

extension GRPCStatus: CustomStringConvertible, CustomDebugStringConvertible {
    /// The code by its name, fit for logs.
    package var description: String { "gRPC status \(code)" }
    /// The code and the message, for a developer's eyes.
    package var debugDescription: String { "gRPC status \(code): \(message)" }
}
