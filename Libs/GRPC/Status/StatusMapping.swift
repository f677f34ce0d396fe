internal import HTTP2

/// Codes for calls that ended without a `grpc-status`.
enum StatusMapping {
    /// The code for an HTTP status (grpc/grpc: doc/http-grpc-status-mapping.md).
    static func code(httpStatus: Int) -> GRPCStatus.Code {
        switch httpStatus {
        case 400: .internalError
        case 401: .unauthenticated
        case 403: .permissionDenied
        case 404: .unimplemented
        case 429, 502, 503, 504: .unavailable
        default: .unknown
        }
    }

    /// The code for a stream reset with that HTTP/2 error (grpc/grpc: doc/PROTOCOL-HTTP2.md, "Errors").
    static func code(reset error: HTTP2ErrorCode) -> GRPCStatus.Code {
        switch error {
        case .refusedStream: .unavailable
        case .cancel: .cancelled
        case .enhanceYourCalm: .resourceExhausted
        case .inadequateSecurity: .permissionDenied
        default: .internalError
        }
    }
}
