package import Chronology
package import Postgres

/// The users whose data a service has erased: nothing that comes late brings any of it back.
///
/// Late are the calls of a token that a gateway has not been told to refuse yet, and events that waited elsewhere. Calls are
/// refused by triggers on the tables that everything else of a user hangs on; handlers of events ask `contains`.
package enum ErasedUsers {
    /// The table, for a migration of a service that keeps data of users.
    package static let migration = """
        CREATE TABLE erased_users (
            user_id uuid PRIMARY KEY,
            erasure_id text NOT NULL,
            erased_at timestamptz NOT NULL
        );

        """

    /// Triggers that refuse rows of erased users.
    ///
    /// An insertion and an erasure of one user exclude each other by an advisory lock of `lockClass` on the user. At READ
    /// COMMITTED each statement of a function sees what was committed while the lock was waited for; so either the erasure
    /// finds the rows, or the insertion finds the erasure.
    ///
    /// - Parameters:
    ///   - tables: those with a column `owner_id` whose rows are inserted without looking for another row of their owner.
    ///   - lockClass: the first half of the lock's key; the second is `hashtext` of the user's id.
    package static func guards(of tables: [String], lockClass: Int32) -> String {
        let function = """
            CREATE FUNCTION refuse_erased_owner() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                PERFORM pg_advisory_xact_lock_shared(\(lockClass), owner)
                FROM (SELECT DISTINCT hashtext(owner_id::text) AS owner FROM new_rows ORDER BY 1) AS owners;
                IF EXISTS (SELECT FROM erased_users e JOIN new_rows n ON n.owner_id = e.user_id) THEN
                    RAISE EXCEPTION 'the owner is erased' USING ERRCODE = '\(refusal)';
                END IF;
                RETURN NULL;
            END $$;

            """
        return function
            + tables.map { table in
                """
                CREATE TRIGGER \(table)_owner AFTER INSERT ON \(table) REFERENCING NEW TABLE AS new_rows
                    FOR EACH STATEMENT EXECUTE FUNCTION refuse_erased_owner();

                """
            }.joined()
    }

    /// Whether a user's data was erased, which stays so until the end of the transaction.
    ///
    /// - Parameter lock: a lock that excludes the erasure.
    package static func contains(
        _ user: UUIDv7, lock: PostgresQuery, in transaction: PostgresTransaction
    ) async throws(PostgresError) -> Bool {
        let results = try await transaction.batch([
            lock, "SELECT EXISTS (SELECT FROM erased_users WHERE user_id = \(user))",
        ])
        return try results[1].first(as: Bool.self)
    }

    /// Whether the database refused a row because its owner is erased.
    package static func isRefusal(_ error: PostgresError) -> Bool { error.sqlState?.text == refusal }

    /// Not one of PostgreSQL's: classes that begin with a letter from I on are for others (SQL standard).
    private static let refusal = "UE001"
}
