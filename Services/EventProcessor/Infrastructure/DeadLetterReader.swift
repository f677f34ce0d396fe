import Chronology
import JSON
package import Postgres
import Secrets

/// Reads the events that were put aside, for operators: each is an object in one line of JSON.
package struct DeadLetterReader: Sendable {
    private let pool: PostgresPool

    package init(pool: PostgresPool) {
        self.pool = pool
    }

    /// Hands over all, the oldest first and without what the events hold, reading a page at a time.
    package func list(_ line: (String) -> Void) async throws {
        var last: Int64 = 0
        var count = 0
        repeat {
            let rows = try await pool.query(
                """
                SELECT \(fragment: Self.columns) FROM dead_letters WHERE id > \(last) ORDER BY id LIMIT \(Self.pageRows)
                """)
            for row in rows {
                var json = JSONWriter()
                json.beginObject()
                last = try Self.write(row, into: &json)
                json.endObject()
                line(String(decoding: json.bytes, as: UTF8.self))
            }
            count = rows.count
        } while count == Self.pageRows
    }

    /// One of them in full; nil when there is none of this number. What is no JSON is shown in base64, as
    /// `event_base64`.
    package func show(_ id: Int64) async throws -> String? {
        let rows = try await pool.query(
            """
            SELECT \(fragment: Self.columns), traceparent, content_type, headers, event FROM dead_letters WHERE id = \(id)
            """)
        guard let row = rows.first else { return nil }
        var json = JSONWriter()
        json.beginObject()
        _ = try Self.write(row, into: &json)
        json.key("traceparent")
        Self.write(try row.decode(String?.self, at: 10), into: &json)
        json.key("content_type")
        json.string(try row.decode(String.self, at: 11))
        json.key("headers")
        json.raw(try row.decode(JSONText.self, at: 12).bytes)
        let event = try row.decode([UInt8].self, at: 13)
        if (try? JSONDocument(parsing: event)) != nil, !event.contains(UInt8(ascii: "\n")) {
            json.key("event")
            json.raw(event)
        } else {
            json.key("event_base64")
            json.string(Base64.encode(event))
        }
        json.endObject()
        return String(decoding: json.bytes, as: UTF8.self)
    }

    private static let pageRows = 500
    private static let columns: PostgresQuery = """
        id, consumer, event_id::text, type, subject, partition_key, reason, attempts, error, parked_at
        """

    private static func write(_ row: PostgresRow, into json: inout JSONWriter) throws(PostgresError) -> Int64 {
        let (id, consumer, eventID, type, subject) = try row.decode(
            Int64.self, String.self, String.self, String.self, String?.self)
        json.key("id")
        json.int(id)
        json.key("consumer")
        json.string(consumer)
        json.key("event_id")
        json.string(eventID)
        json.key("type")
        json.string(type)
        json.key("subject")
        write(subject, into: &json)
        json.key("partition_key")
        write(try row.decode(String?.self, at: 5), into: &json)
        json.key("reason")
        json.string(try row.decode(String.self, at: 6))
        json.key("attempts")
        json.int(Int64(try row.decode(Int32.self, at: 7)))
        json.key("error")
        json.string(try row.decode(String.self, at: 8))
        json.key("parked_at")
        json.string(try row.decode(Timestamp.self, at: 9).description)
        return id
    }

    private static func write(_ text: String?, into json: inout JSONWriter) {
        if let text { json.string(text) } else { json.null() }
    }
}
