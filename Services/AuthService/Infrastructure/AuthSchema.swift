package import Postgres
import Messaging
import ServiceRuntime

/// The history of the schema `auth`.
package enum AuthSchema {
    package static let migrations: [Migration] = [
        Migration(
            number: 1, name: "users, sessions, tokens, keys",
            sql: tables + Outbox.migration + IdempotencyRecords.migration),
        Migration(number: 10, name: "passwords that are replaced, requests that wait", sql: passwords),
        Migration(number: 11, name: "notices of failed sign-ins", sql: failedLogins),
        Migration(
            number: 12, name: "signing keys that wait",
            sql: "ALTER TABLE signing_keys ADD COLUMN signs_from timestamptz;"),
        Migration(number: 20, name: "second factors, locked accounts", sql: secondFactors),
        Migration(number: 21, name: "administration", sql: administration),
        Migration(
            number: 30, name: "erasures",
            sql: AuthRepository.erasures + Inbox.migration + DeadLetters.migration),
        Migration(number: 31, name: "identities of other issuers", sql: AuthRepository.identities),
        Migration(number: 40, name: "personal API tokens", sql: apiTokens),
        Migration(number: 41, name: "revocations", sql: revocations),
    ]

    /// `event_sequence` is the number of the user's last event; it is advanced under the lock of the row. Tokens are kept as
    /// SHA-256: they have 256 random bits, so that nothing slower is called for. `generation` counts the tokens of a session.
    private static let tables = """
        CREATE TABLE users (
            id uuid PRIMARY KEY,
            email text NOT NULL,
            email_key text NOT NULL,
            display_name text NOT NULL,
            base_currency text NOT NULL,
            locale text NOT NULL,
            time_zone text NOT NULL,
            email_verified boolean NOT NULL,
            roles text[] NOT NULL,
            event_sequence bigint NOT NULL,
            version bigint NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            CONSTRAINT users_email_key UNIQUE (email_key)
        );

        CREATE TABLE credentials (
            user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
            password_hash text NOT NULL,
            updated_at timestamptz NOT NULL
        );

        CREATE TABLE sessions (
            id uuid PRIMARY KEY,
            user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            device text NOT NULL,
            address text NOT NULL,
            created_at timestamptz NOT NULL,
            last_used_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            ended_at timestamptz,
            end_reason text CHECK (end_reason IN ('logout', 'reuse_detected')),
            CHECK ((ended_at IS NULL) = (end_reason IS NULL))
        );
        CREATE INDEX sessions_by_user ON sessions (user_id, id DESC);
        CREATE INDEX sessions_by_device ON sessions (user_id, device);
        CREATE INDEX sessions_by_expiry ON sessions (expires_at);

        CREATE TABLE refresh_tokens (
            digest bytea PRIMARY KEY,
            session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
            generation bigint NOT NULL,
            expires_at timestamptz NOT NULL,
            replaced_at timestamptz,
            UNIQUE (session_id, generation)
        );
        CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);

        CREATE TABLE one_time_tokens (
            digest bytea PRIMARY KEY,
            user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            purpose text NOT NULL CHECK (purpose IN ('email_verification')),
            created_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            used_at timestamptz
        );
        CREATE INDEX one_time_tokens_by_user ON one_time_tokens (user_id, purpose, created_at);
        CREATE INDEX one_time_tokens_by_expiry ON one_time_tokens (expires_at);

        CREATE TABLE signing_keys (
            id text PRIMARY KEY,
            sealed_key bytea NOT NULL,
            created_at timestamptz NOT NULL
        );
        """
}
