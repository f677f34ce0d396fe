import JSON
package import Messaging
import Secrets

/// The events that were put aside, for operators: each an object in one line of JSON.
package struct DeadLetterLines: Sendable {
    private let store: DeadLetterStore

    package init(_ store: DeadLetterStore) {
        self.store = store
    }

    /// Hands over all that wait for a decision or a replay, the oldest first and without what the events hold, reading a page
    /// at a time.
    package func list(_ line: (String) -> Void) async throws {
        var page: [DeadLetter] = []
        repeat {
            page = try await store.list(after: page.last?.id, limit: Self.pageSize)
            for letter in page {
                var json = JSONWriter()
                json.beginObject()
                Self.write(letter, into: &json)
                json.endObject()
                line(String(decoding: json.bytes, as: UTF8.self))
            }
        } while page.count == Self.pageSize
    }

    /// One of them in full; nil when there is none of this number. What is no JSON in one line is shown in base64, as
    /// `event_base64`.
    package func show(_ id: Int64) async throws -> String? {
        guard let content = try await store.show(id) else { return nil }
        var json = JSONWriter()
        json.beginObject()
        Self.write(content.letter, into: &json)
        json.key("content_type")
        json.string(content.contentType)
        json.key("headers")
        json.raw(content.headers)
        if (try? JSONDocument(parsing: content.body)) != nil, !content.body.contains(UInt8(ascii: "\n")) {
            json.key("event")
            json.raw(content.body)
        } else {
            json.key("event_base64")
            json.string(Base64.encode(content.body))
        }
        json.endObject()
        return String(decoding: json.bytes, as: UTF8.self)
    }

    private static let pageSize = 500

    private static func write(_ letter: DeadLetter, into json: inout JSONWriter) {
        json.key("id")
        json.int(letter.id)
        let texts: [(StaticString, String?)] = [
            ("consumer", letter.consumer), ("event_id", letter.eventID), ("type", letter.type),
            ("source", letter.source), ("subject", letter.subject), ("partition_key", letter.partitionKey),
            ("reason", letter.reason.rawValue), ("cause", letter.cause.description), ("error", letter.error),
            ("traceparent", letter.traceparent), ("parked_at", letter.parkedAt.description),
            ("state", letter.state.rawValue),
        ]
        for (name, text) in texts {
            json.key(name)
            if let text { json.string(text) } else { json.null() }
        }
        json.key("attempts")
        json.int(Int64(letter.attempts))
    }
}
