package import Contracts
package import GRPC
internal import Resilience
package import ServiceRuntime
internal import Validation

/// Why a stage of the gateway ends a request, with what the answer needs beside the problem.
package struct Refusal: Error, CustomStringConvertible {
    /// What the client reads.
    package let problem: ProblemDetails
    /// Header fields that belong to the refusal, such as `Allow`.
    package var fields: [(name: String, value: String)] = []
    /// The service that did not answer, such as `expense`; nil where none is to blame.
    package var dependency: String?

    package init(_ problem: ProblemDetails, fields: [(name: String, value: String)] = [], dependency: String? = nil) {
        self.problem = problem
        self.fields = fields
        self.dependency = dependency
    }

    package init(_ code: ProblemCode, _ detail: String = "", retryAfter: Int? = nil) {
        self.init(code.problem(detail, retryAfter: retryAfter))
    }

    /// The code and the status: nothing that a client sent.
    package var description: String { problem.description }

    /// 401, with the challenge that RFC 6750 section 3 asks for.
    package static func unauthenticated(_ code: ProblemCode, _ detail: String) -> Refusal {
        let error = code == .unauthenticated ? "" : ", error=\"invalid_token\""
        return Refusal(code.problem(detail), fields: [("WWW-Authenticate", "Bearer realm=\"florin\"\(error)")])
    }

    /// 403 for a token that lacks a scope, with the challenge of RFC 6750 section 3.1.
    package static func insufficientScope(_ scope: String) -> Refusal {
        let challenge = "Bearer realm=\"florin\", error=\"insufficient_scope\", scope=\"\(scope)\""
        return Refusal(
            ProblemCode.insufficientScope.problem("The token needs the scope \(scope)."),
            fields: [("WWW-Authenticate", challenge)])
    }

    /// 404 where nobody serves the path.
    package static var unknownPath: Refusal { Refusal(.notFound, "Nothing is served at this path.") }

    /// 503: a service does not answer at present.
    package static func unavailable(_ service: String) -> Refusal {
        Refusal(
            ProblemCode.serviceUnavailable.problem("The \(service) service does not answer at present.", retryAfter: 1),
            dependency: service)
    }
}

extension Refusal {
    /// What a service's refusal, or its absence, means to the client.
    package init(_ status: GRPCStatus, from service: String) {
        guard status.details.isEmpty else {
            let problem = ProblemDetails(status).sayingWhenToComeBack
            let challenge = problem.status == 401 ? [("WWW-Authenticate", "Bearer realm=\"florin\"")] : []
            self.init(problem, fields: challenge, dependency: problem.status >= 503 ? service : nil)
            return
        }
        switch status.code {
        // A handler that is cancelled without its caller's doing is one of a server that stops.
        case .unavailable, .cancelled: self = .unavailable(service)
        case .deadlineExceeded:
            self.init(
                ProblemCode.timeout.problem("The \(service) service did not answer in time.", retryAfter: 1),
                dependency: service)
        case .resourceExhausted:
            self.init(
                ProblemCode.overloaded.problem("The \(service) service takes no more at present.", retryAfter: 1),
                dependency: service)
        case .invalidArgument: self.init(.invalidRequest)
        default: self.init(ProblemDetails(status))
        }
    }

    /// Why a service was not asked.
    init(_ refusal: CallRefusal, of service: String) {
        switch refusal {
        case .circuitOpen(let wait):
            let seconds = Int(wait.components.seconds) + (wait.components.attoseconds > 0 ? 1 : 0)
            self.init(
                ProblemCode.serviceUnavailable.problem(
                    "The \(service) service does not answer at present.", retryAfter: max(1, seconds)),
                dependency: service)
        case .full:
            self.init(
                ProblemCode.overloaded.problem("The \(service) service takes no more at present.", retryAfter: 1),
                dependency: service)
        case .timedOut:
            self.init(
                ProblemCode.timeout.problem("The \(service) service did not answer in time.", retryAfter: 1),
                dependency: service)
        }
    }

    /// Why a question of the gateway's own to a service has no answer.
    init(_ error: any Error, asking service: String) {
        switch error {
        case let refusal as CallRefusal: self.init(refusal, of: service)
        case let status as GRPCStatus: self.init(status, from: service)
        default: self = .unavailable(service)
        }
    }

    /// What is wrong with the fields of a request.
    package init(_ errors: RequestFieldErrors) {
        let code = errors.isMalformed ? ProblemCode.invalidRequest : .validationFailed
        self.init(
            code.problem(
                errors: errors.errors.map { FieldError(field: $0.field, code: $0.code, message: $0.message) }))
    }
}

extension ProblemDetails {
    /// The same; a service that cannot answer now is asked again in a second where it does not say when.
    fileprivate var sayingWhenToComeBack: ProblemDetails {
        guard status >= 503, retryAfter == nil else { return self }
        return ProblemDetails(
            code: code, status: status, title: title, detail: detail, errors: errors, retryAfter: 1)
    }
}
