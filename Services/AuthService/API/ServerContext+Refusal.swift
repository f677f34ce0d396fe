import AuthApplication
import GRPC
import Observability
import ServiceRuntime

extension ServerContext {
    /// Answers the call with what `body` returns; a refusal becomes its problem.
    func answerOrRefuse<Answer>(logger: Logger, _ body: () async throws -> Answer) async throws -> Answer {
        try await answer(logger: logger) {
            do {
                return try await body()
            } catch let refusal as AuthRefusal {
                throw ProblemDetails(refusal)
            }
        }
    }
}
