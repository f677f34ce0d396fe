package import Idempotency
package import Postgres

/// The table of answers already given.
package enum IdempotencyRecords {
    /// The table, for the first migration of a service whose calls honour `Idempotency-Key`.
    package static let migration = """
        CREATE TABLE idempotency_keys (
            user_id uuid NOT NULL,
            key text NOT NULL,
            fingerprint text NOT NULL,
            answer bytea NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, key)
        );
        CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);
        """

    /// The statement that keeps a receipt; it belongs into the transaction of the effect, before what waits for locks.
    ///
    /// It never waits for another transaction with the same key: where that has committed, the unique index refuses the row;
    /// while that is open, the advisory lock is its, and the row that lacks a fingerprint is refused before the index is
    /// asked. Either way the effect is rolled back.
    package static func insert(_ receipt: IdempotencyReceipt) -> PostgresQuery {
        let name = lockName(receipt.key)
        return """
            INSERT INTO idempotency_keys (user_id, key, fingerprint, answer)
            VALUES (\(receipt.key.userID), \(receipt.key.key),
                CASE WHEN pg_try_advisory_xact_lock(hashtextextended(\(name), 0)) THEN \(receipt.key.fingerprint) END,
                \(receipt.answer))
            """
    }

    /// The statement that keeps those receipts whose keys nobody has or is about to have, and returns their `user_id` and
    /// `key`; for a statement that makes several effects. What it does not return must have no effect. Never waits.
    ///
    /// - Parameter receipts: a query for user, key, fingerprint and answer. It must not name a key twice.
    package static func insertUntaken(_ receipts: PostgresQuery) -> PostgresQuery {
        """
        INSERT INTO idempotency_keys (user_id, key, fingerprint, answer)
        SELECT * FROM (\(fragment: receipts)) AS receipts (user_id, key, fingerprint, answer)
        WHERE pg_try_advisory_xact_lock(hashtextextended(user_id::text || key, 0))
        ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO NOTHING RETURNING user_id, key
        """
    }

    /// The lock of a key: everywhere the same, held until the end of the transaction.
    private static func lockName(_ key: IdempotencyKey) -> String { key.userID.description + key.key }

    /// Whether a transaction failed because the key of its receipt is taken.
    static func isTaken(_ error: any Error) -> Bool {
        (error as? PostgresError)?.isUniqueViolation(of: "idempotency_keys_pkey") ?? false
    }

    /// Whether a transaction failed because another one that is still open has the key of its receipt.
    static func isInProgress(_ error: any Error) -> Bool {
        guard let error = error as? PostgresError, error.sqlState == .notNullViolation else { return false }
        return error.constraintName == "idempotency_keys_fingerprint_not_null"
    }

    /// The most rows that one sweep forgets, so that it never holds locks for long.
    static let sweepRows = 1_000

    /// The answer of a key, and whether it is older than 24 hours.
    static func find(_ key: IdempotencyKey) -> PostgresQuery {
        """
        SELECT fingerprint, answer, created_at < now() - interval '24 hours' FROM idempotency_keys
        WHERE user_id = \(key.userID) AND key = \(key.key)
        """
    }

    /// Forgets a key that is older than 24 hours and that no sweep has met yet.
    static func expire(_ key: IdempotencyKey) -> PostgresQuery {
        """
        DELETE FROM idempotency_keys WHERE user_id = \(key.userID) AND key = \(key.key)
            AND created_at < now() - interval '24 hours'
        """
    }

    /// Forgets answers older than 24 hours.
    static let sweep: PostgresQuery = """
        DELETE FROM idempotency_keys WHERE (user_id, key) IN (
            SELECT user_id, key FROM idempotency_keys WHERE created_at < now() - interval '24 hours' LIMIT \(sweepRows))
        """
}
