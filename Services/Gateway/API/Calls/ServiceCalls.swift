internal import Contracts
internal import GRPC
internal import HTTPServer
internal import Observability
internal import ServiceRuntime
internal import Tokens

/// Passes requests on to the services and turns their answers into HTTP.
struct ServiceCalls: Sendable {
    let clients: GatewayClients
    let logger: Logger

    /// Asks the service of a route.
    ///
    /// - Throws: the refusal that the client is to read.
    func answer(
        _ request: HTTPRequest, _ parameters: [String], requestID: String, identity: Identity?,
        of route: GatewayRoute, service: String, deadline: Duration
    ) async throws(Refusal) -> HTTPResponse {
        let metadata = try CallMetadata.make(request, requestID: requestID, identity: identity, service: service)
        let input = RouteInput(pathParameters: parameters, query: request.query, body: request.body)
        do {
            return Self.response(to: request, try await route.invoke(input, clients, metadata, deadline))
        } catch let errors as RequestFieldErrors {
            throw Refusal(errors)
        } catch let status as GRPCStatus {
            let refusal = Refusal(status, from: service)
            if refusal.problem.status >= 500, !Task.isCancelled {
                logger.warning(
                    "call failed",
                    [
                        .component: .string(service), .method: .string(route.operationID),
                        .code: .string("\(status.code)"), .requestID: .string(requestID),
                    ])
            }
            throw refusal
        } catch {
            logger.error("request failed", [.error: .error(error), .requestID: .string(requestID)])
            throw Refusal(ProblemDetails.internalError)
        }
    }

    private static func response(to request: HTTPRequest, _ output: RouteOutput) -> HTTPResponse {
        var response = HTTPResponse(status: output.status)
        if output.trailingMetadata[IdempotentCalls.replayedMetadata] == "true" {
            response.headers.append("Idempotency-Replayed", "true")
        }
        if let version = output.version {
            let tag = EntityTag.of(version: version)
            response.headers.append("ETag", tag)
            if Conditions.isFresh(request, tag) {
                response.status = 304
                return response
            }
        }
        guard let body = output.body else { return response }
        response.headers.append("Content-Type", "application/json")
        response.body = .bytes(body)
        return response
    }
}
