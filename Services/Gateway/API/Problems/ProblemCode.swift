package import ServiceRuntime
package import Validation

/// Every refusal that the gateway itself makes; services add theirs, which pass through unchanged.
package enum ProblemCode: String, Sendable, CaseIterable {
    case malformedHTTP = "malformed_http"
    case invalidRequest = "invalid_request"
    case unexpectedBody = "unexpected_body"
    case invalidIdempotencyKey = "invalid_idempotency_key"
    case unauthenticated
    case invalidAccessToken = "invalid_access_token"
    case forbidden
    case insufficientScope = "insufficient_scope"
    case notFound = "not_found"
    case methodNotAllowed = "method_not_allowed"
    case notAcceptable = "not_acceptable"
    case preconditionFailed = "precondition_failed"
    case requestTimeout = "request_timeout"
    case contentTooLarge = "content_too_large"
    case targetTooLong = "target_too_long"
    case unsupportedMediaType = "unsupported_media_type"
    case expectationFailed = "expectation_failed"
    case validationFailed = "validation_failed"
    case rateLimited = "rate_limited"
    case tooManyStreams = "too_many_streams"
    case headersTooLarge = "headers_too_large"
    case internalError = "internal_error"
    case notImplemented = "not_implemented"
    case serviceUnavailable = "service_unavailable"
    case overloaded
    case timeout
    case unsupportedVersion = "unsupported_version"

    /// The HTTP status that goes with the code.
    package var status: Int { entry.status }
    /// The refusal in a few words, the same each time.
    package var title: String { entry.title }

    private var entry: (status: Int, title: String) {
        switch self {
        case .malformedHTTP: (400, "The request is not well-formed HTTP")
        case .invalidRequest: (400, "The request cannot be understood")
        case .unexpectedBody: (400, "This request takes no body")
        case .invalidIdempotencyKey: (400, "The Idempotency-Key is not well-formed")
        case .unauthenticated: (401, "Authentication required")
        case .invalidAccessToken: (401, "The access token is not valid")
        case .forbidden: (403, "Not allowed")
        case .insufficientScope: (403, "The token is not meant for this")
        case .notFound: (404, "Not found")
        case .methodNotAllowed: (405, "Method not allowed")
        case .notAcceptable: (406, "Not acceptable")
        case .preconditionFailed: (412, "Precondition failed")
        case .requestTimeout: (408, "The request took too long to arrive")
        case .contentTooLarge: (413, "Content too large")
        case .targetTooLong: (414, "The request target is too long")
        case .unsupportedMediaType: (415, "Unsupported media type")
        case .expectationFailed: (417, "Expectation failed")
        case .validationFailed: (422, "Some fields are not valid")
        case .rateLimited: (429, "Too many requests")
        case .tooManyStreams: (429, "Too many streams")
        case .headersTooLarge: (431, "The header fields are too large")
        case .internalError: (500, "Internal error")
        case .notImplemented: (501, "Not implemented")
        case .serviceUnavailable: (503, "A service is not available now")
        case .overloaded: (503, "Too busy at present")
        case .timeout: (504, "No answer in time")
        case .unsupportedVersion: (505, "HTTP version not supported")
        }
    }

    /// A problem of this code.
    package func problem(_ detail: String = "", errors: [FieldError] = [], retryAfter: Int? = nil) -> ProblemDetails {
        ProblemDetails(
            code: rawValue, status: status, title: title, detail: detail, errors: errors, retryAfter: retryAfter)
    }
}
