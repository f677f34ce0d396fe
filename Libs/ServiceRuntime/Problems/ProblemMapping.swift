package import GRPC
package import Observability
import Postgres
import Validation

extension ProblemDetails {
    /// The gRPC status that carries this problem.
    package var grpcStatus: GRPCStatus {
        let code = grpcCode
        return GRPCStatus(code, title, details: ProblemCodec.encode(self, code: code))
    }

    /// What the client is to read of a status: the problem in its details, else what its code means.
    package init(_ status: GRPCStatus) {
        if let problem = ProblemCodec.decode(status.details) {
            self = problem
        } else {
            self = ProblemDetails.meaning(of: status.code)
        }
    }

    /// The problem that an error of a use case means; nil when the error is a fault of ours.
    package init?(refusal error: any Error) {
        switch error {
        case let problem as ProblemDetails: self = problem
        case let failure as ValidationFailure: self.init(failure)
        case is VersionMismatch: self = .preconditionFailed
        case let error as PostgresError where ErasedUsers.isRefusal(error):
            self = .unauthenticated("The account does not exist.")
        case let error as PostgresError where error.isRetriable:
            self = .unavailable("database_unavailable", "The database does not answer at present.")
        default: return nil
        }
    }

    /// The status to throw from a gRPC handler for whatever a use case threw.
    ///
    /// A fault of ours is logged with its description and answered without text.
    package static func status(for error: any Error, logger: Logger) -> GRPCStatus {
        if let status = error as? GRPCStatus { return status }
        if error is CancellationError || (error as? PostgresError)?.code == .cancelled {
            return GRPCStatus(.cancelled)
        }
        guard let problem = ProblemDetails(refusal: error) else {
            logger.error("request failed", [.error: .error(error)])
            return internalError.grpcStatus
        }
        if problem.status >= 500 {
            logger.warning("request refused", [.code: .string(problem.code), .error: .error(error)])
        }
        return problem.grpcStatus
    }

    private var grpcCode: GRPCStatus.Code {
        switch status {
        case 401: .unauthenticated
        case 403: .permissionDenied
        case 404: .notFound
        case 409: .aborted
        case 412, 428: .failedPrecondition
        case 429: .resourceExhausted
        case 400..<500: .invalidArgument
        case 501: .unimplemented
        case 503: .unavailable
        case 504: .deadlineExceeded
        default: .internalError
        }
    }

    private static func meaning(of code: GRPCStatus.Code) -> ProblemDetails {
        switch code {
        case .invalidArgument, .outOfRange: badRequest("bad_request", "")
        case .unauthenticated: unauthenticated()
        case .permissionDenied: forbidden()
        case .notFound: notFound()
        case .alreadyExists, .aborted: conflict("conflict", "")
        case .failedPrecondition: ProblemDetails(code: "precondition_failed", status: 412)
        case .unimplemented: ProblemDetails(code: "not_implemented", status: 501)
        case .deadlineExceeded: ProblemDetails(code: "timeout", status: 504)
        case .unavailable, .resourceExhausted, .cancelled: unavailable()
        case .ok, .unknown, .internalError, .dataLoss: internalError
        }
    }
}

extension ProblemDetails: CustomStringConvertible {
    /// The code and the status: nothing that a client sent.
    package var description: String { "problem \(code) (\(status))" }
}
