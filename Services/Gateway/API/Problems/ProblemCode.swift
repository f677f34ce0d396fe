internal import struct Contracts.ProblemEntry
package import ServiceRuntime
package import Validation

/// Every refusal that the gateway itself makes; services add theirs, which pass through unchanged.
package enum ProblemCode: String, Sendable, CaseIterable {
    case malformedHTTP = "malformed_http"
    case invalidRequest = "invalid_request"
    case unexpectedBody = "unexpected_body"
    case invalidIdempotencyKey = "invalid_idempotency_key"
    case invalidLastEventID = "invalid_last_event_id"
    case unauthenticated
    case invalidAccessToken = "invalid_access_token"
    case forbidden
    case insufficientScope = "insufficient_scope"
    case noSession = "no_session"
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

    private var entry: ProblemEntry {
        guard let entry = ProblemEntry.of(rawValue) else { preconditionFailure("a code without an entry in the table") }
        return entry
    }

    /// A problem of this code.
    package func problem(_ detail: String = "", errors: [FieldError] = [], retryAfter: Int? = nil) -> ProblemDetails {
        ProblemDetails(
            code: rawValue, status: status, title: title, detail: detail, errors: errors, retryAfter: retryAfter)
    }
}
