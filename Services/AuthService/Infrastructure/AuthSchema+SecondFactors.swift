extension AuthSchema {
    /// `last_step` is the time step of the last code that was accepted; `failures` counts wrong codes since then. A factor
    /// counts once it is confirmed. Recovery codes go when they are used, challenges when they succeed.
    static let secondFactors = """
        ALTER TABLE users ADD COLUMN status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'locked'));

        CREATE TABLE totp_factors (
            user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
            sealed_secret bytea NOT NULL,
            created_at timestamptz NOT NULL,
            confirmed_at timestamptz,
            last_step bigint NOT NULL DEFAULT 0,
            failures integer NOT NULL DEFAULT 0,
            blocked_until timestamptz
        );

        CREATE TABLE recovery_codes (
            user_id uuid NOT NULL REFERENCES totp_factors (user_id) ON DELETE CASCADE,
            digest bytea NOT NULL,
            PRIMARY KEY (user_id, digest)
        );

        CREATE TABLE mfa_challenges (
            digest bytea PRIMARY KEY,
            user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            created_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            attempts integer NOT NULL DEFAULT 0
        );
        CREATE INDEX mfa_challenges_by_user ON mfa_challenges (user_id);
        CREATE INDEX mfa_challenges_by_expiry ON mfa_challenges (expires_at);
        """
}
