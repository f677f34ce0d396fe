internal import HTTPServer

/// What a request must be before a service is asked.
enum RequestRules {
    /// Refuses what the client would not take as an answer, 406.
    static func checkAccept(_ request: HTTPRequest, _ endpoint: Endpoint) throws(Refusal) {
        guard request.headers.contains("Accept") else { return }
        let header = request.headers.values("Accept").joined(separator: ",")
        guard MediaRange.allows(header, endpoint.mediaType.description) else {
            throw Refusal(.notAcceptable, "The answer would be \(endpoint.mediaType).")
        }
    }

    /// Refuses a body where none belongs, 400, and one of another type than is read here, 415.
    static func checkContent(_ request: HTTPRequest, _ endpoint: Endpoint) throws(Refusal) {
        guard !request.body.isEmpty else { return }
        let types = request.headers.values("Content-Type")
        guard types.count <= 1 else {
            throw Refusal(.unsupportedMediaType, "The body must be of one type.")
        }
        let type = types.first.map(MediaRange.essence)
        switch endpoint.content {
        case .none:
            throw Refusal(.unexpectedBody)
        case .json:
            guard type == "application/json" else {
                throw Refusal(.unsupportedMediaType, "The body must be application/json.")
            }
        case .file:
            guard let type, !isForm(type) else {
                throw Refusal(.unsupportedMediaType, "The body must be the file itself, not a form.")
            }
        }
        guard request.headers.values("Content-Encoding").allSatisfy({ $0.lowercased() == "identity" }) else {
            throw Refusal(.unsupportedMediaType, "The body must not be encoded.")
        }
    }

    /// Refuses query parameters where there are none to give, as the routes of services do.
    static func checkNoQuery(_ request: HTTPRequest) throws(Refusal) {
        guard let first = request.query.first else { return }
        throw Refusal(
            ProblemCode.invalidRequest.problem(
                errors: [
                    .init(
                        field: String(first.name.prefix(100)), code: "unknown_field",
                        message: "is not a parameter of this request")
                ]))
    }

    private static func isForm(_ type: String) -> Bool {
        type == "application/x-www-form-urlencoded" || type.hasPrefix("multipart/")
    }
}
