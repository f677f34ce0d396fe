internal import Chronology
internal import Postgres

/// The statements behind `DeadLetterStore`.
enum DeadLetterQueries {
    // MARK: Looking

    private static let columns: PostgresQuery = """
        id, consumer, event_id::text, type, source, subject, partition_key, reason, cause, attempts, error, traceparent,
        parked_at, replay_requested_at IS NOT NULL, archived_at IS NOT NULL
        """

    static func list(_ filter: DeadLetterFilter, after id: Int64, limit: Int) -> PostgresQuery {
        """
        SELECT \(fragment: columns) FROM dead_letters
        WHERE id > \(id) AND \(fragment: condition(filter)) ORDER BY id LIMIT \(limit)
        """
    }

    static func groups(_ filter: DeadLetterFilter, limit: Int) -> PostgresQuery {
        """
        SELECT cause, consumer, type, reason, (array_agg(error ORDER BY id))[1], count(*), min(parked_at), max(parked_at),
            min(id)
        FROM dead_letters WHERE \(fragment: condition(filter))
        GROUP BY cause, consumer, type, reason ORDER BY count(*) DESC, min(id) LIMIT \(limit)
        """
    }

    static func show(_ id: Int64) -> PostgresQuery {
        """
        SELECT content_type, headers::text, event,
            (SELECT count(*) FROM dead_letters AS other WHERE \(fragment: sameAggregate) AND other.id < letter.id),
            (SELECT count(*) FROM dead_letters AS other WHERE \(fragment: sameAggregate) AND other.id > letter.id),
            \(fragment: columns)
        FROM dead_letters AS letter WHERE id = \(id)
        """
    }

    static func existing(_ ids: [Int64]) -> PostgresQuery { "SELECT id FROM dead_letters WHERE id = ANY(\(ids))" }

    private static let sameAggregate: PostgresQuery = """
        (other.consumer, other.source, other.subject) = (letter.consumer, letter.source, letter.subject)
            AND other.archived_at IS NULL
        """

    private static func condition(_ filter: DeadLetterFilter) -> PostgresQuery {
        var condition: PostgresQuery =
            switch filter.state {
            case nil: "archived_at IS NULL"
            case .archived: "archived_at IS NOT NULL"
            case .parked: "archived_at IS NULL AND replay_requested_at IS NULL"
            case .replaying: "archived_at IS NULL AND replay_requested_at IS NOT NULL"
            }
        if let consumer = filter.consumer { condition.append(" AND consumer = \(consumer)") }
        if let type = filter.type { condition.append(" AND type = \(type)") }
        if let reason = filter.reason { condition.append(" AND reason = \(reason.rawValue)") }
        if let cause = filter.cause { condition.append(" AND cause = \(cause.description)") }
        if let subject = filter.subject { condition.append(" AND subject = \(subject)") }
        return condition
    }

    static func decode(_ row: PostgresRow, from first: Int = 0) throws(PostgresError) -> DeadLetter {
        let state: DeadLetter.State =
            try row.decode(Bool.self, at: first + 14)
            ? .archived : row.decode(Bool.self, at: first + 13) ? .replaying : .parked
        return DeadLetter(
            id: try row.decode(Int64.self, at: first), consumer: try row.decode(String.self, at: first + 1),
            eventID: try row.decode(String.self, at: first + 2), type: try row.decode(String.self, at: first + 3),
            source: try row.decode(String?.self, at: first + 4), subject: try row.decode(String?.self, at: first + 5),
            partitionKey: try row.decode(String?.self, at: first + 6),
            reason: try reason(row.decode(String.self, at: first + 7)),
            cause: DeadLetterCause(try row.decode(String.self, at: first + 8)),
            attempts: try row.decode(Int.self, at: first + 9), error: try row.decode(String.self, at: first + 10),
            traceparent: try row.decode(String?.self, at: first + 11),
            parkedAt: try row.decode(Timestamp.self, at: first + 12), state: state)
    }

    static func decodeContent(_ row: PostgresRow) throws(PostgresError) -> DeadLetterContent {
        DeadLetterContent(
            letter: try decode(row, from: 5), contentType: try row.decode(String.self, at: 0),
            headers: Array(try row.decode(String.self, at: 1).utf8), body: try row.decode([UInt8].self, at: 2),
            ahead: try row.decode(Int.self, at: 3), behind: try row.decode(Int.self, at: 4))
    }

    static func decodeGroup(_ row: PostgresRow) throws(PostgresError) -> DeadLetterGroup {
        DeadLetterGroup(
            cause: DeadLetterCause(try row.decode(String.self, at: 0)), consumer: try row.decode(String.self, at: 1),
            type: try row.decode(String.self, at: 2),
            reason: try reason(row.decode(String.self, at: 3)),
            error: try row.decode(String.self, at: 4), count: try row.decode(Int.self, at: 5),
            firstParkedAt: try row.decode(Timestamp.self, at: 6), lastParkedAt: try row.decode(Timestamp.self, at: 7),
            firstID: try row.decode(Int64.self, at: 8))
    }

    private static func reason(_ text: String) throws(PostgresError) -> DeadLetterReason {
        guard let reason = DeadLetterReason(rawValue: text) else {
            throw PostgresError(.typeMismatch, "dead_letters.reason has a value of a later version")
        }
        return reason
    }

    // MARK: Deciding

    /// The selected letters with every other one of their aggregates.
    static func requestReplay(_ selection: DeadLetterSelection) -> PostgresQuery {
        """
        WITH selected AS (
            SELECT id, consumer, source, subject FROM dead_letters
            WHERE archived_at IS NULL AND replay_requested_at IS NULL AND \(fragment: condition(selection))
        ), marked AS (
            UPDATE dead_letters SET replay_requested_at = clock_timestamp()
            WHERE replay_requested_at IS NULL AND id IN (\(fragment: withTheirAggregates)) RETURNING 1
        )
        SELECT (SELECT count(*) FROM selected), (SELECT count(*) FROM marked)
        """
    }

    static func countReplay(_ selection: DeadLetterSelection) -> PostgresQuery {
        """
        WITH selected AS (
            SELECT id, consumer, source, subject FROM dead_letters
            WHERE archived_at IS NULL AND replay_requested_at IS NULL AND \(fragment: condition(selection))
        )
        SELECT (SELECT count(*) FROM selected), (
            SELECT count(*) FROM dead_letters
            WHERE replay_requested_at IS NULL AND id IN (\(fragment: withTheirAggregates))
        )
        """
    }

    private static let withTheirAggregates: PostgresQuery = """
        SELECT id FROM selected
        UNION SELECT other.id FROM selected JOIN dead_letters AS other USING (consumer, source, subject)
        WHERE other.archived_at IS NULL
        """

    /// The inbox remembers the events, so that a repeat has no effect.
    static func discard(_ selection: DeadLetterSelection) -> PostgresQuery {
        """
        WITH removed AS (
            DELETE FROM dead_letters WHERE archived_at IS NULL AND \(fragment: condition(selection))
            RETURNING consumer, event_id
        ), noted AS (
            INSERT INTO inbox (consumer, event_id) SELECT consumer, event_id FROM removed ON CONFLICT DO NOTHING
        )
        SELECT count(*) FROM removed
        """
    }

    static func archive(_ selection: DeadLetterSelection) -> PostgresQuery {
        """
        WITH removed AS (
            UPDATE dead_letters SET archived_at = clock_timestamp(), replay_requested_at = NULL
            WHERE archived_at IS NULL AND \(fragment: condition(selection))
            RETURNING consumer, event_id
        ), noted AS (
            INSERT INTO inbox (consumer, event_id) SELECT consumer, event_id FROM removed ON CONFLICT DO NOTHING
        )
        SELECT count(*) FROM removed
        """
    }

    /// Has aggregates handled again whose first letter is there only because of one that is gone.
    static func releaseBehind(_ instant: Timestamp) -> PostgresQuery {
        """
        WITH released AS (
            UPDATE dead_letters SET replay_requested_at = \(instant)
            WHERE replay_requested_at IS NULL AND id IN (
                SELECT other.id FROM (
                    SELECT DISTINCT ON (consumer, source, subject) consumer, source, subject, reason
                    FROM dead_letters WHERE archived_at IS NULL AND subject IS NOT NULL
                    ORDER BY consumer, source, subject, id
                ) AS head JOIN dead_letters AS other USING (consumer, source, subject)
                WHERE head.reason = \(DeadLetterReason.behindParked.rawValue) AND other.archived_at IS NULL
            ) RETURNING 1
        )
        SELECT count(*) FROM released
        """
    }

    /// What `discard` or `archive` would remove, and what would then be handled.
    static func countRemoval(_ selection: DeadLetterSelection) -> PostgresQuery {
        """
        WITH selected AS (
            SELECT id, consumer, source, subject FROM dead_letters
            WHERE archived_at IS NULL AND \(fragment: condition(selection))
        ), remaining AS (
            SELECT other.id, consumer, source, subject, other.reason FROM dead_letters AS other
            JOIN (SELECT DISTINCT consumer, source, subject FROM selected) AS aggregates USING (consumer, source, subject)
            WHERE other.archived_at IS NULL AND other.id NOT IN (SELECT id FROM selected)
        ), head AS (
            SELECT DISTINCT ON (consumer, source, subject) consumer, source, subject, reason FROM remaining
            ORDER BY consumer, source, subject, id
        )
        SELECT (SELECT count(*) FROM selected), (
            SELECT count(*) FROM remaining JOIN head USING (consumer, source, subject)
            WHERE head.reason = \(DeadLetterReason.behindParked.rawValue)
        )
        """
    }

    private static func condition(_ selection: DeadLetterSelection) -> PostgresQuery {
        switch selection {
        case .ids(let ids): "id = ANY(\(ids))"
        case .group(let cause): "cause = \(cause.description)"
        case .aggregate(let consumer, let source, let subject):
            "consumer = \(consumer) AND source = \(source) AND subject = \(subject)"
        case .matching(let filter): condition(filter)
        }
    }
}
