internal import CloudEvents
internal import JSON
internal import Postgres

/// The table of events that were put aside.
package enum DeadLetters {
    /// The table, for the first migration of a service that consumes events.
    ///
    /// `event` is the event in the JSON format; for what could not be read, `reason` is `undecodable` and `event`, `content_type`
    /// and `headers` are those of the message.
    package static let migration = """
        CREATE TABLE dead_letters (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            consumer text NOT NULL,
            event_id uuid NOT NULL,
            type text NOT NULL,
            source text,
            subject text,
            partition_key text,
            reason text NOT NULL,
            attempts integer NOT NULL,
            error text NOT NULL,
            content_type text NOT NULL,
            headers jsonb NOT NULL,
            event bytea NOT NULL,
            traceparent text,
            parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            UNIQUE (consumer, event_id)
        );
        CREATE INDEX dead_letters_aggregate ON dead_letters (consumer, source, subject, id);
        """

    private static let longestError = 2_000

    /// Puts an event aside, unless it is there already or was handled meanwhile.
    static func park(
        _ event: CloudEvent, identity: EventIdentity, consumer: String, reason: DeadLetterReason, attempts: Int,
        error: String
    ) -> PostgresQuery {
        insert(
            consumer: consumer, identity: identity, type: event.type, source: event.source, subject: event.subject,
            partitionKey: event.partitionKey, reason: reason, attempts: attempts, error: error,
            contentType: CloudEventJSONCodec.contentType, headers: [], body: CloudEventJSONCodec.encode(event),
            traceparent: event.traceparent)
    }

    /// Puts a message aside that is not an event.
    static func park(
        _ delivery: Delivery, identity: EventIdentity, consumer: String, error: String
    ) -> PostgresQuery {
        insert(
            consumer: consumer, identity: identity, type: text(delivery.routingKey), source: nil, subject: nil,
            partitionKey: nil, reason: .undecodable, attempts: 0, error: error, contentType: text(delivery.contentType),
            headers: delivery.headers, body: delivery.body, traceparent: nil)
    }

    private static func insert(
        consumer: String, identity: EventIdentity, type: String, source: String?, subject: String?,
        partitionKey: String?,
        reason: DeadLetterReason, attempts: Int, error: String, contentType: String, headers: [MessageHeader],
        body: [UInt8], traceparent: String?
    ) -> PostgresQuery {
        """
        INSERT INTO dead_letters (
            consumer, event_id, type, source, subject, partition_key, reason, attempts, error, content_type, headers, event,
            traceparent
        )
        SELECT \(consumer), \(identity.description)::uuid, \(type), \(source as String?), \(subject as String?),
            \(partitionKey as String?), \(reason.rawValue),
            \(Int32(clamping: attempts)), \(text(error)), \(contentType), \(json(headers)), \(body),
            \(traceparent as String?)
        WHERE NOT EXISTS (
            SELECT FROM inbox WHERE consumer = \(consumer) AND event_id = \(identity.description)::uuid
        )
        ON CONFLICT (consumer, event_id) DO NOTHING
        """
    }

    /// Text that a column can hold: PostgreSQL knows no NUL, and what comes from outside has no bound of its own.
    private static func text(_ value: String) -> String {
        String(value.unicodeScalars.lazy.filter { $0 != "\0" }.prefix(longestError).map(Character.init))
    }

    private static func json(_ headers: [MessageHeader]) -> JSONText {
        var writer = JSONWriter()
        writer.beginObject()
        for header in headers {
            writer.key(text: text(header.name))
            switch header.value {
            case .string(let value): writer.string(text(value))
            case .integer(let value): writer.int(Int64(value))
            case .boolean(let value): writer.bool(value)
            case .binary(let bytes): writer.string("\(bytes.count) bytes")
            }
        }
        writer.endObject()
        return JSONText(writer.bytes)
    }
}

/// The three tables of messaging in one text, for the first migration of a service that publishes and consumes.
package enum MessagingTables {
    /// `outbox`, `inbox` and `dead_letters`.
    package static let migration = [Outbox.migration, Inbox.migration, DeadLetters.migration].joined(separator: "\n")
}
