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
