internal import CloudEvents
internal import JSON
internal import Postgres

/// The table of events that were put aside.
package enum DeadLetters {
    /// The table, for the first migration of a service that consumes events.
    ///
    /// `event` is the event in the JSON format; for what could not be read, `reason` is `undecodable` and `event`, `content_type`
    /// and `headers` are those of the message. `cause` is the same for events that failed alike. A letter with
    /// `replay_requested_at` is handled again by its consumer; one with `archived_at` is kept for the record and holds
    /// nothing up.
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
            cause text NOT NULL,
            attempts integer NOT NULL,
            error text NOT NULL,
            content_type text NOT NULL,
            headers jsonb NOT NULL,
            event bytea NOT NULL,
            traceparent text,
            parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            replay_requested_at timestamptz,
            archived_at timestamptz,
            UNIQUE (consumer, event_id)
        );
        CREATE INDEX dead_letters_aggregate ON dead_letters (consumer, source, subject, id) WHERE archived_at IS NULL;
        CREATE INDEX dead_letters_cause ON dead_letters (cause, id);
        CREATE INDEX dead_letters_replay ON dead_letters (consumer, id)
            WHERE replay_requested_at IS NOT NULL AND archived_at IS NULL;
        """

    private static let longestError = 2_000

    /// Puts an event aside, unless it is there already or was handled meanwhile.
    static func park(
        _ event: CloudEvent, identity: EventIdentity, consumer: String, reason: DeadLetterReason, attempts: Int,
        error: String
    ) -> PostgresQuery {
        let letter = row(event, identity, consumer, reason: reason, attempts: attempts, error: error)
        return "\(fragment: insertion) SELECT \(fragment: letter), NULL \(fragment: unlessHandled(identity, consumer))"
    }

    /// Puts a message aside that is not an event.
    static func park(
        _ delivery: Delivery, identity: EventIdentity, consumer: String, error: String
    ) -> PostgresQuery {
        let type = text(delivery.routingKey)
        let cause = DeadLetterCause(consumer: consumer, type: type, reason: .undecodable, error: error)
        return """
            \(fragment: insertion)
            SELECT \(consumer), \(identity.description)::uuid, \(type), NULL, NULL, NULL,
                \(DeadLetterReason.undecodable.rawValue), \(cause.description), 0, \(text(error)),
                \(text(delivery.contentType)), \(json(delivery.headers)), \(delivery.body), NULL, NULL
            \(fragment: unlessHandled(identity, consumer))
            """
    }

    /// Puts an event aside behind the last one of its aggregate, and says whether there is one.
    ///
    /// Locks that last letter, so that a replay which is about to settle it goes first (the answer is then no, and the event
    /// is to be handled) or sees the new letter. The letter shares the fate of those before it: a replay that was asked for
    /// includes it.
    static func parkBehind(_ event: CloudEvent, identity: EventIdentity, consumer: String, error: String)
        -> PostgresQuery
    {
        let letter = row(event, identity, consumer, reason: .behindParked, attempts: 0, error: error)
        return """
            WITH ahead AS (
                SELECT replay_requested_at FROM dead_letters
                WHERE consumer = \(consumer) AND source = \(event.source) AND subject = \(event.subject as String?)
                    AND archived_at IS NULL
                ORDER BY id DESC LIMIT 1 FOR KEY SHARE
            ), parked AS (
                \(fragment: insertion)
                SELECT \(fragment: letter), replay_requested_at FROM ahead
                \(fragment: unlessHandled(identity, consumer))
            )
            SELECT EXISTS (SELECT FROM ahead)
            """
    }

    private static let insertion: PostgresQuery = """
        INSERT INTO dead_letters (
            consumer, event_id, type, source, subject, partition_key, reason, cause, attempts, error, content_type,
            headers, event, traceparent, replay_requested_at
        )
        """

    private static func unlessHandled(_ identity: EventIdentity, _ consumer: String) -> PostgresQuery {
        """
        WHERE NOT EXISTS (
            SELECT FROM inbox WHERE consumer = \(consumer) AND event_id = \(identity.description)::uuid
        )
        ON CONFLICT (consumer, event_id) DO NOTHING
        """
    }

    private static func row(
        _ event: CloudEvent, _ identity: EventIdentity, _ consumer: String, reason: DeadLetterReason, attempts: Int,
        error: String
    ) -> PostgresQuery {
        let cause = DeadLetterCause(consumer: consumer, type: event.type, reason: reason, error: error)
        return """
            \(consumer), \(identity.description)::uuid, \(event.type), \(event.source), \(event.subject as String?),
            \(event.partitionKey as String?), \(reason.rawValue), \(cause.description), \(Int32(clamping: attempts)),
            \(text(error)), \(CloudEventJSONCodec.contentType), \(json([])), \(CloudEventJSONCodec.encode(event)),
            \(event.traceparent as String?)
            """
    }

    /// Text that a column can hold: PostgreSQL knows no NUL, and what comes from outside has no bound of its own.
    static func text(_ value: String) -> String {
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

    /// The headers of a message from its letter; bytes are not among them.
    static func headers(_ json: [UInt8]) throws(JSONError) -> [MessageHeader] {
        try JSONDocument(parsing: json).root.members.compactMap { member in
            if let text = member.value.string { return MessageHeader(member.key, .string(text)) }
            if let flag = member.value.bool { return MessageHeader(member.key, .boolean(flag)) }
            return member.value.int64.flatMap { Int32(exactly: $0) }.map { MessageHeader(member.key, .integer($0)) }
        }
    }
}
