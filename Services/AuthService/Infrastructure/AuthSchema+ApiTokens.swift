extension AuthSchema {
    /// Tokens go when they are ended.
    static let apiTokens = """
        CREATE TABLE api_tokens (
            id uuid PRIMARY KEY,
            user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            digest bytea NOT NULL UNIQUE,
            name text NOT NULL,
            scopes text[] NOT NULL,
            created_at timestamptz NOT NULL,
            expires_at timestamptz,
            last_used_at timestamptz
        );
        CREATE INDEX api_tokens_by_user ON api_tokens (user_id, id DESC);
        CREATE INDEX api_tokens_by_expiry ON api_tokens (expires_at) WHERE expires_at IS NOT NULL;
        """

    /// What gateways ask for that did not hear of it: the ends of sessions, and of accounts, whose rows are gone.
    static let revocations = """
        CREATE INDEX sessions_by_end ON sessions (ended_at, id) WHERE ended_at IS NOT NULL;

        CREATE TABLE removed_users (
            user_id uuid PRIMARY KEY,
            removed_at timestamptz NOT NULL
        );
        CREATE INDEX removed_users_by_time ON removed_users (removed_at);
        CREATE FUNCTION note_removed_user() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO removed_users (user_id, removed_at) VALUES (OLD.id, clock_timestamp());
            RETURN NULL;
        END $$;
        CREATE TRIGGER users_removed AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION note_removed_user();
        """
}
