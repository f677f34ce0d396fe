package import Postgres
import Messaging
import ServiceRuntime

/// The history of the schema `events`.
package enum ProcessorSchema {
    package static let migrations: [Migration] = [
        Migration(
            number: 1, name: "audit trail, recipients, inbox", sql: Inbox.migration + DeadLetters.migration + trail),
        Migration(number: 2, name: "events that wait for their recipient", sql: Recipients.migration),
        Migration(number: 3, name: "mails handed over", sql: RecordedMailTransport.migration),
        Migration(number: 30, name: "erased users", sql: Outbox.migration + ErasedUsers.migration),
        Migration(number: 50, name: "events that live streams resume from", sql: StreamEvents.migration),
    ]

    /// The entries are append-only for everybody who does not first disable the trigger, which only the owner can, and which
    /// the hash chain shows afterwards.
    private static let trail = """
        CREATE TABLE audit_heads (
            trail text PRIMARY KEY,
            sequence bigint NOT NULL,
            hash bytea NOT NULL CHECK (octet_length(hash) = 32)
        );
        CREATE TABLE audit_entries (
            trail text NOT NULL,
            sequence bigint NOT NULL CHECK (sequence >= 1),
            time timestamptz NOT NULL,
            actor text NOT NULL,
            action text NOT NULL,
            subject text NOT NULL,
            trace_id text,
            event_id uuid NOT NULL,
            data_digest bytea NOT NULL,
            previous_hash bytea NOT NULL,
            hash bytea NOT NULL,
            PRIMARY KEY (trail, sequence)
        );
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the audit trail is append-only';
        END $$;
        CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
        CREATE TABLE recipients (
            user_id uuid PRIMARY KEY,
            email text NOT NULL,
            display_name text NOT NULL
        );
        """
}
