internal import struct Contracts.ProblemEntry
package import HTTPServer
internal import JSON
package import Observability
internal import ServiceRuntime

/// A problem as RFC 9457 writes it.
package enum ProblemDocument {
    /// The media type.
    package static let contentType = "application/problem+json"
    /// The fields that `detail` speaks of; the others are in `errors` as well.
    private static let errorsOfDetail = 3

    /// The answer that tells of a refusal.
    ///
    /// - Parameters:
    ///   - requestID: names the request, so that a report of the problem finds its log lines.
    ///   - instance: the path that was asked for; nil where none could be read.
    package static func response(to refusal: Refusal, requestID: RequestID, instance: String?) -> HTTPResponse {
        var response = HTTPResponse(
            status: refusal.problem.status, headers: ["Content-Type": contentType],
            body: .bytes(body(of: refusal, requestID: requestID, instance: instance)))
        for field in refusal.fields { response.headers.append(field.name, field.value) }
        if let seconds = refusal.problem.retryAfter { response.headers.append("Retry-After", "\(seconds)") }
        return response
    }

    private static func body(of refusal: Refusal, requestID: RequestID, instance: String?) -> [UInt8] {
        let problem = refusal.problem
        let entry = ProblemEntry.of(problem.code)
        var json = JSONWriter()
        json.beginObject()
        json.key("type")
        json.string("/problems/\(problem.code)")
        json.key("title")
        json.string(entry?.title ?? problem.title)
        json.key("status")
        json.int(Int64(problem.status))
        json.key("detail")
        json.string(detail(of: problem, entry))
        if let instance {
            json.key("instance")
            json.string(instance)
        }
        json.key("code")
        json.string(problem.code)
        json.key("request_id")
        json.string(requestID.description)
        if let dependency = refusal.dependency {
            json.key("dependency")
            json.string(dependency)
        }
        if !problem.errors.isEmpty { writeErrors(of: refusal, to: &json) }
        json.endObject()
        return json.bytes
    }

    /// What the problem says of this time; else what its fields say, some of them; else what its code means.
    private static func detail(of problem: ProblemDetails, _ entry: ProblemEntry?) -> String {
        guard problem.detail.isEmpty else { return problem.detail }
        guard !problem.errors.isEmpty else { return entry?.text ?? problem.title }
        var sentences = problem.errors.prefix(Self.errorsOfDetail).map { error in
            error.field.isEmpty ? error.message : "\(error.field) \(error.message)"
        }
        // The name of a field is never changed.
        if problem.errors[0].field.isEmpty {
            sentences[0] = sentences[0].prefix(1).uppercased() + sentences[0].dropFirst()
        }
        let more = problem.errors.count - sentences.count
        if more > 0 { sentences.append("and \(more) more") }
        return sentences.joined(separator: "; ") + "."
    }

    private static func writeErrors(of refusal: Refusal, to json: inout JSONWriter) {
        json.key("errors")
        json.beginArray()
        for error in refusal.problem.errors {
            json.beginObject()
            json.key("field")
            json.string(error.field)
            json.key("code")
            json.string(error.code)
            json.key("message")
            json.string(error.message)
            json.endObject()
        }
        json.endArray()
    }
}
