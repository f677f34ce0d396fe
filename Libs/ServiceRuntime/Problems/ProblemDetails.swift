package import Validation

/// Why a request is refused, as the client will read it (RFC 9457).
///
/// A service throws it from its handlers; it travels to the gateway in the details of a gRPC status and becomes the body of
/// the answer there. Its text is for the client: it names no internals and no data of others.
package struct ProblemDetails: Error, Sendable, Hashable {
    /// Stable name of the refusal, such as `not_found` or `budget_overlaps`; the last part of the problem's `type`.
    package let code: String
    /// The HTTP status, 400...599.
    package let status: Int
    /// The refusal in a few words, the same for every occurrence of the code.
    package let title: String
    /// What was wrong this time; may be empty.
    package let detail: String
    /// The fields that break rules; empty where the problem is not about fields.
    package let errors: [FieldError]
    /// Seconds after which a repetition makes sense; nil where it does not apply.
    package let retryAfter: Int?

    /// A problem; the title is that of the HTTP status unless one is given.
    package init(
        code: String, status: Int, title: String? = nil, detail: String = "", errors: [FieldError] = [],
        retryAfter: Int? = nil
    ) {
        precondition((400...599).contains(status), "a problem has a 4xx or 5xx status")
        self.code = code
        self.status = status
        self.title = title ?? ProblemDetails.title(ofStatus: status)
        self.detail = detail
        self.errors = errors
        self.retryAfter = retryAfter
    }

    /// 422: every field that breaks a rule; 400 where a cursor is none that was given out, which is a malformed query.
    package init(_ failure: ValidationFailure) {
        let isMalformed = failure.errors.contains { $0.code == "invalid_cursor" }
        self.init(
            code: isMalformed ? "invalid_request" : "validation_failed", status: isMalformed ? 400 : 422,
            title: isMalformed ? "The request cannot be understood" : "Some fields are not valid",
            errors: failure.errors)
    }

    /// 400: the request cannot be understood.
    package static func badRequest(_ code: String, _ detail: String) -> ProblemDetails {
        ProblemDetails(code: code, status: 400, detail: detail)
    }

    /// 401: nobody, or nobody any more, is signed in.
    package static func unauthenticated(_ detail: String = "Sign in first.") -> ProblemDetails {
        ProblemDetails(code: "unauthenticated", status: 401, detail: detail)
    }

    /// 403: the caller may not do this.
    package static func forbidden(_ code: String = "forbidden", _ detail: String = "") -> ProblemDetails {
        ProblemDetails(code: code, status: 403, detail: detail)
    }

    /// 404: it does not exist, or belongs to someone else.
    package static func notFound(_ detail: String = "There is no such resource.") -> ProblemDetails {
        ProblemDetails(code: "not_found", status: 404, detail: detail)
    }

    /// 409: it does not fit the present state.
    package static func conflict(_ code: String, _ detail: String) -> ProblemDetails {
        ProblemDetails(code: code, status: 409, detail: detail)
    }

    /// 503: something needed is away for now.
    package static func unavailable(
        _ code: String = "unavailable", _ detail: String = "", retryAfter: Int = 1
    ) -> ProblemDetails {
        ProblemDetails(code: code, status: 503, detail: detail, retryAfter: retryAfter)
    }

    /// 500: a fault of ours, without any text about it.
    package static let internalError = ProblemDetails(code: "internal_error", status: 500)

    private static func title(ofStatus status: Int) -> String {
        titles[status] ?? (status < 500 ? "Request refused" : "Server error")
    }

    private static let titles = [
        400: "Bad request", 401: "Authentication required", 403: "Not allowed", 404: "Not found",
        405: "Method not allowed", 406: "Not acceptable", 409: "Conflict", 412: "Precondition failed",
        413: "Content too large", 415: "Unsupported media type", 422: "Not valid", 428: "Precondition required",
        429: "Too many requests", 500: "Internal error", 501: "Not implemented", 503: "Not available now",
        504: "No answer in time",
    ]
}
