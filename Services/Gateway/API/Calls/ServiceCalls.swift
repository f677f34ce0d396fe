internal import Contracts
internal import GRPC
internal import HTTPServer
internal import Observability
internal import Resilience
internal import ServiceRuntime
internal import Tokens

/// Passes requests on to the services and turns their answers into HTTP.
struct ServiceCalls: Sendable {
    let clients: GatewayClients
    let dependencies: Dependencies
    let logger: Logger

    /// Asks the service of a route.
    ///
    /// - Throws: the refusal that the client is to read.
    func answer(
        _ exchange: Exchange, _ parameters: [String], through route: ServiceRoute
    ) async throws(Refusal) -> HTTPResponse {
        let metadata = try CallMetadata.make(exchange, route)
        let input = RouteInput(
            pathParameters: parameters, query: exchange.request.query, body: exchange.request.body)
        do {
            let output = try await dependencies[route.service].call(
                within: route.deadline, repeating: route.repetition, classify: CallFailure.init(of:)
            ) { [clients] timeLeft in
                try await route.route.invoke(input, clients, metadata, timeLeft)
            }
            return Self.response(to: exchange.request, output)
        } catch let refusal as CallRefusal {
            throw Refusal(refusal, of: route.service)
        } catch let errors as RequestFieldErrors {
            throw Refusal(errors)
        } catch let status as GRPCStatus {
            throw refusal(status, exchange, route)
        } catch {
            logger.error("request failed", [.error: .error(error)])
            throw Refusal(ProblemDetails.internalError)
        }
    }

    private func refusal(_ status: GRPCStatus, _ exchange: Exchange, _ route: ServiceRoute) -> Refusal {
        let refusal = Refusal(status, from: route.service)
        if refusal.problem.status >= 500, !Task.isCancelled {
            logger.warning(
                "call failed",
                [
                    .component: .string(route.service), .method: .string(route.route.operationID),
                    .code: .string("\(status.code)"),
                ])
        }
        return refusal
    }

    private static func response(to request: HTTPRequest, _ output: RouteOutput) -> HTTPResponse {
        var response = HTTPResponse(status: output.status)
        if output.trailingMetadata[IdempotentCalls.replayedMetadata] == "true" {
            response.headers.append("Idempotency-Replayed", "true")
        }
        if let location = output.location { response.headers.append("Location", location) }
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
