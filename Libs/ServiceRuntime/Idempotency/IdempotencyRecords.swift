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

    /// The statement that keeps a receipt; it belongs into the transaction of the effect.
    ///
    /// Of two transactions with one key the second waits for the first (unique index) and fails when that commits, so that
    /// its effect is rolled back.
    package static func insert(_ receipt: IdempotencyReceipt) -> PostgresQuery {
        """
        INSERT INTO idempotency_keys (user_id, key, fingerprint, answer)
        VALUES (\(receipt.key.userID), \(receipt.key.key), \(receipt.key.fingerprint), \(receipt.answer))
        """
    }

    /// The statement that keeps those receipts whose keys nobody has, and returns their `user_id` and `key`; for a statement that
    /// makes several effects. What it does not return must have no effect.
    ///
    /// - Parameter receipts: a query for user, key, fingerprint and answer. It must not name a key twice.
    package static func insertUntaken(_ receipts: PostgresQuery) -> PostgresQuery {
        // In one order everywhere, so that two transactions with the same keys never wait for each other.
        """
        INSERT INTO idempotency_keys (user_id, key, fingerprint, answer)
        SELECT * FROM (\(fragment: receipts)) AS receipts (user_id, key, fingerprint, answer) ORDER BY user_id, key
        ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO NOTHING RETURNING user_id, key
        """
    }

    /// Whether a transaction failed because the key of its receipt is taken.
    static func isTaken(_ error: any Error) -> Bool {
        (error as? PostgresError)?.isUniqueViolation(of: "idempotency_keys_pkey") ?? false
    }

    /// The most rows that one sweep forgets, so that it never holds locks for long.
    static let sweepRows = 1_000

    /// Forgets answers older than 24 hours.
    static let sweep: PostgresQuery = """
        DELETE FROM idempotency_keys WHERE (user_id, key) IN (
            SELECT user_id, key FROM idempotency_keys WHERE created_at < now() - interval '24 hours' LIMIT \(sweepRows))
        """
}
