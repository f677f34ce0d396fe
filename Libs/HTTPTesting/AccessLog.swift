internal import Foundation

/// A line of the gateway's access log.
package struct AccessLogLine: Decodable, Sendable {
    package let time, level, service, message, method, route: String
    package let status, received, sent: Int
    package let duration: Double
    package let requestID: String
    package let trace, httpVersion, user, code, rule, dependency: String?
    package let aborted: Bool?

    /// The names that a line may have, and no others.
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case time, level, service, message, method, route, status, code, rule, dependency, aborted
        case received = "received_bytes"
        case sent = "sent_bytes"
        case duration = "duration_ms"
        case requestID = "request_id"
        case trace = "trace_id"
        case httpVersion = "protocol"
        case user = "user_id"
    }

    private struct Kind: Decodable { let message: String? }

    /// A log has a line that is no JSON object, or one about a request that has a field too many.
    package struct Fault: Error { package let line: String }

    /// The lines of a log that are about requests; those about other things are left out.
    package static func all(in log: some Sequence<String>) throws -> [AccessLogLine] {
        let decoder = JSONDecoder()
        let known = Set(CodingKeys.allCases.map(\.rawValue))
        return try log.compactMap { text in
            let bytes = Data(text.utf8)
            guard try decoder.decode(Kind.self, from: bytes).message == "request" else { return nil }
            let members = try JSONSerialization.jsonObject(with: bytes) as? [String: Any] ?? [:]
            guard known.isSuperset(of: members.keys) else { throw Fault(line: text) }
            return try decoder.decode(AccessLogLine.self, from: bytes)
        }
    }

    /// `method route status received/sent`, then what else there is to say.
    package var summary: String {
        var words = ["\(method) \(route) \(status) \(received)/\(sent)"]
        words += [httpVersion, code, rule, dependency].compactMap(\.self)
        if aborted == true { words.append("aborted") }
        return words.joined(separator: " ")
    }
}
