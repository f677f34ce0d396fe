internal import struct Contracts.ProblemEntry
internal import JSON
package import HTTPServer

/// A problem as RFC 9457 writes it.
package enum ProblemDocument {
    /// The media type.
    package static let contentType = "application/problem+json"

    /// The answer that tells of a refusal.
    ///
    /// - Parameters:
    ///   - requestID: names the request, so that a report of the problem finds its log lines.
    ///   - instance: the path that was asked for; nil where none could be read.
    package static func response(to refusal: Refusal, requestID: String, instance: String?) -> HTTPResponse {
        var response = HTTPResponse(
            status: refusal.problem.status, headers: ["Content-Type": contentType],
            body: .bytes(body(of: refusal, requestID: requestID, instance: instance)))
        for field in refusal.fields { response.headers.append(field.name, field.value) }
        if let seconds = refusal.problem.retryAfter { response.headers.append("Retry-After", "\(seconds)") }
        return response
    }

    private static func body(of refusal: Refusal, requestID: String, instance: String?) -> [UInt8] {
        let problem = refusal.problem
        var json = JSONWriter()
        json.beginObject()
        json.key("type")
        json.string("/problems/\(problem.code)")
        json.key("title")
        json.string(ProblemEntry.of(problem.code)?.title ?? problem.title)
        json.key("status")
        json.int(Int64(problem.status))
        if !problem.detail.isEmpty {
            json.key("detail")
            json.string(problem.detail)
        }
        if let instance {
            json.key("instance")
            json.string(instance)
        }
        json.key("code")
        json.string(problem.code)
        json.key("request_id")
        json.string(requestID)
        if let dependency = refusal.dependency {
            json.key("dependency")
            json.string(dependency)
        }
        if !problem.errors.isEmpty { writeErrors(of: refusal, to: &json) }
        json.endObject()
        return json.bytes
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
