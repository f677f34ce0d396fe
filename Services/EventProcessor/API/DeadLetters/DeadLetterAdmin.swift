import Contracts
package import HTTPServer
import JSON
import ServiceRuntime

/// `/dead-letters` of the admin address: what the commands do, over HTTP.
package struct DeadLetterAdmin: Sendable {
    private let desk: DeadLetterDesk

    package init(desk: DeadLetterDesk) { self.desk = desk }

    /// Answers a request to a path that begins with `/dead-letters`.
    package func answer(_ request: HTTPRequest) async -> HTTPResponse {
        do throws(ProblemDetails) {
            return try await route(request)
        } catch {
            return Self.response(to: error, at: request.path)
        }
    }

    private func route(_ request: HTTPRequest) async throws(ProblemDetails) -> HTTPResponse {
        let path = Array(request.pathSegments.dropFirst())
        switch path.count {
        case 0:
            try Self.require([.get, .head], request)
            let criteria = try Self.criteria(request)
            let page = await desk.list(criteria)
            try requireAnswer(page.unavailable, criteria)
            return Self.response(page.json())
        case 1 where path[0] == "groups":
            try Self.require([.get, .head], request)
            let criteria = try Self.criteria(request)
            let page = await desk.groups(criteria)
            try requireAnswer(page.unavailable, criteria)
            return Self.response(page.json())
        case 1:
            guard let action = DeadLetterDesk.Action(rawValue: path[0]) else {
                try Self.require([.get, .head], request)
                return try await show(path[0])
            }
            try Self.require([.post], request)
            return try await decide(action, request)
        case 2:
            guard let action = DeadLetterDesk.Action(rawValue: path[1]) else { throw .notFound() }
            try Self.require([.post], request)
            return try await decide(action, about: path[0], request)
        default: throw .notFound()
        }
    }

    /// Where nobody answered there is nothing to tell of; where somebody did, the answer names those who did not.
    private func requireAnswer(
        _ unavailable: [DeadLetterAbsence], _ criteria: DeadLetterCriteria
    ) throws(ProblemDetails) {
        if desk.isNobodyThere(unavailable, of: criteria.service) { throw Self.unavailable(unavailable) }
    }

    private func show(_ text: String) async throws(ProblemDetails) -> HTTPResponse {
        guard let record = try await desk.show(try Self.id(text)) else {
            throw .notFound("There is no such dead letter.")
        }
        return Self.response(record.shown())
    }

    private func decide(
        _ action: DeadLetterDesk.Action, about text: String, _ request: HTTPRequest
    ) async throws(ProblemDetails) -> HTTPResponse {
        let id = try Self.id(text)
        let body = try DeadLetterDecisionBody(request, mayName: false)
        let summary = await desk.decide(action, about: [id], isDryRun: body.isDryRun)
        guard summary.missing.isEmpty else { throw .notFound("There is no such dead letter.") }
        return try Self.response(summary)
    }

    private func decide(
        _ action: DeadLetterDesk.Action, _ request: HTTPRequest
    ) async throws(ProblemDetails) -> HTTPResponse {
        let body = try DeadLetterDecisionBody(request, mayName: true)
        return try Self.response(
            body.ids.isEmpty
                ? await desk.decide(action, about: body.criteria, isDryRun: body.isDryRun)
                : await desk.decide(action, about: body.ids, isDryRun: body.isDryRun))
    }

    // MARK: Reading

    private static func require(_ methods: [HTTPMethod], _ request: HTTPRequest) throws(ProblemDetails) {
        guard methods.contains(request.method) else {
            throw ProblemDetails(
                code: "method_not_allowed", status: 405,
                detail: "Here one can \(methods.map(\.rawValue).joined(separator: ", ")).")
        }
    }

    private static func id(_ text: String) throws(ProblemDetails) -> DeadLetterID {
        guard let id = DeadLetterID(text) else {
            throw .badRequest("invalid_request", "An id is that of a listed letter, such as expense-17.")
        }
        return id
    }

    private static func criteria(_ request: HTTPRequest) throws(ProblemDetails) -> DeadLetterCriteria {
        var criteria = DeadLetterCriteria()
        var seen: Set<String> = []
        for (name, value) in request.query {
            guard seen.insert(name).inserted else {
                throw .badRequest("invalid_request", "A parameter is there twice.")
            }
            if let fault = criteria.takeForListing(name, value) { throw .badRequest("invalid_request", fault + ".") }
        }
        if let cursor = criteria.cursor, let service = criteria.service, cursor.service != service {
            throw .badRequest("invalid_request", "cursor is of another service.")
        }
        return criteria
    }

    // MARK: Answering

    private static func unavailable(_ absences: [DeadLetterAbsence]) -> ProblemDetails {
        let services = absences.map { "\($0.service): \($0.reason)" }.joined(separator: "; ")
        return .unavailable("service_unavailable", services + ".")
    }

    private static func response(_ summary: DeadLetterSummary) throws(ProblemDetails) -> HTTPResponse {
        if summary.services.isEmpty, !summary.unavailable.isEmpty { throw unavailable(summary.unavailable) }
        return response(summary.json())
    }

    private static func response(_ json: [UInt8]) -> HTTPResponse {
        HTTPResponse(
            headers: ["Content-Type": "application/json", "Cache-Control": "no-store"], body: .bytes(json + [0x0A]))
    }

    /// RFC 9457.
    private static func response(to problem: ProblemDetails, at path: String) -> HTTPResponse {
        var json = JSONWriter()
        json.beginObject()
        let texts: [(StaticString, String)] = [
            ("type", "/problems/\(problem.code)"), ("title", ProblemEntry.of(problem.code)?.title ?? problem.title),
            ("detail", problem.detail),
            ("instance", path), ("code", problem.code),
        ]
        for (name, text) in texts where !text.isEmpty {
            json.key(name)
            json.string(text)
        }
        json.key("status")
        json.int(Int64(problem.status))
        json.endObject()
        var response = HTTPResponse(
            status: problem.status, headers: ["Content-Type": "application/problem+json"],
            body: .bytes(json.bytes + [0x0A]))
        if let seconds = problem.retryAfter { response.headers.append("Retry-After", "\(seconds)") }
        return response
    }
}
