internal import CloudEvents
internal import JSON
internal import Postgres

/// The statements by which a consumer handles dead letters again.
enum ReplayQueries {
    /// A letter to be handled again.
    struct Letter: Sendable {
        let id: Int64
        /// Not when it could not be read at the time.
        let isEvent: Bool
        let routingKey: String
        let contentType: String
        let headers: [UInt8]
        let body: [UInt8]

        /// The message again; there is nothing to settle about it.
        func message() throws(JSONError) -> Delivery {
            Delivery(
                routingKey: routingKey, contentType: contentType, headers: try DeadLetters.headers(headers), body: body,
                redelivered: true
            ) { _ in }
        }
    }

    /// Whether a letter's event is to be handled.
    enum Claim: Sendable, Hashable {
        /// Removed and recorded in this transaction: make the effect.
        case taken
        /// Removed; the event was handled before.
        case duplicate
        /// Another process was here first, or the request was withdrawn.
        case absent
        /// An earlier letter of the aggregate is not handled.
        case behind
    }

    /// How many letters are not archived, counted up to a limit.
    static func count(consumer: String, limit: Int) -> PostgresQuery {
        """
        SELECT count(*) FROM (
            SELECT FROM dead_letters WHERE consumer = \(consumer) AND archived_at IS NULL LIMIT \(limit)
        ) AS counted
        """
    }

    static func requested(consumer: String, limit: Int) -> PostgresQuery {
        """
        SELECT id, reason, type, content_type, headers::text, event FROM dead_letters
        WHERE consumer = \(consumer) AND replay_requested_at IS NOT NULL AND archived_at IS NULL
        ORDER BY id LIMIT \(limit)
        """
    }

    static func decode(_ rows: PostgresRows) throws(PostgresError) -> [Letter] {
        var letters: [Letter] = []
        letters.reserveCapacity(rows.count)
        for row in rows {
            let (id, reason, type, contentType, headers, body) = try row.decode(
                Int64.self, String.self, String.self, String.self, String.self, [UInt8].self)
            letters.append(
                Letter(
                    id: id, isEvent: reason != DeadLetterReason.undecodable.rawValue, routingKey: type,
                    contentType: contentType, headers: Array(headers.utf8), body: body))
        }
        return letters
    }

    /// Removes the letter if it is the first of its aggregate, and records the event unless it is a repeat.
    ///
    /// Locks the first letter: another process that replays it is waited for (READ COMMITTED: a row that it removed is
    /// passed over).
    static func claim(_ letter: Int64, _ event: CloudEvent, consumer: String) -> PostgresQuery {
        let isFirst: PostgresQuery = event.subject == nil ? "true" : "id = (SELECT id FROM first)"
        return """
            WITH first AS (
                SELECT id FROM dead_letters
                WHERE consumer = \(consumer) AND source = \(event.source) AND subject = \(event.subject as String?)
                    AND archived_at IS NULL
                ORDER BY id LIMIT 1 FOR UPDATE
            ), removed AS (
                DELETE FROM dead_letters
                WHERE id = \(letter) AND replay_requested_at IS NOT NULL AND archived_at IS NULL
                    AND \(fragment: isFirst)
                RETURNING event_id
            ), taken AS (
                INSERT INTO inbox (consumer, event_id) SELECT \(consumer), event_id FROM removed
                ON CONFLICT DO NOTHING RETURNING 1
            )
            SELECT EXISTS (SELECT FROM taken), EXISTS (SELECT FROM removed), EXISTS (
                SELECT FROM first WHERE id < \(letter)
            )
            """
    }

    static func decodeClaim(_ rows: PostgresRows) throws(PostgresError) -> Claim {
        let (isTaken, isRemoved, isBehind) = try rows.first(as: Bool.self, Bool.self, Bool.self)
        return isTaken ? .taken : isRemoved ? .duplicate : isBehind ? .behind : .absent
    }

    /// Withdraws the request for a letter that has others before it which are not to be handled.
    static func withdraw(_ letter: Int64) -> PostgresQuery {
        "UPDATE dead_letters SET replay_requested_at = NULL WHERE id = \(letter)"
    }

    /// Keeps a letter that failed again with the new error, and those behind it.
    static func fail(
        _ letter: Int64, _ event: CloudEvent?, type: String, consumer: String, reason: DeadLetterReason, error: String
    ) -> [PostgresQuery] {
        let cause = DeadLetterCause(consumer: consumer, type: type, reason: reason, error: error)
        let failure: PostgresQuery = """
            UPDATE dead_letters SET replay_requested_at = NULL, reason = \(reason.rawValue), cause = \(cause.description),
                attempts = attempts + 1, error = \(DeadLetters.text(error))
            WHERE id = \(letter)
            """
        guard let event, let subject = event.subject else { return [failure] }
        let withdrawal: PostgresQuery = """
            UPDATE dead_letters SET replay_requested_at = NULL
            WHERE consumer = \(consumer) AND source = \(event.source) AND subject = \(subject)
                AND replay_requested_at IS NOT NULL AND archived_at IS NULL
            """
        return [failure, withdrawal]
    }

    /// Removes messages whose events could be read meanwhile and are settled each for itself.
    static func remove(_ letters: [Int64]) -> PostgresQuery {
        "DELETE FROM dead_letters WHERE id = ANY(\(letters)) AND archived_at IS NULL"
    }
}
