extension AuthSchema {
    /// Requests wait in `address_requests` for the moment until somebody looks whether their address has an account.
    static let passwords = """
        ALTER TABLE users ADD COLUMN registration_repeated_at timestamptz;

        ALTER TABLE one_time_tokens DROP CONSTRAINT one_time_tokens_purpose_check;
        ALTER TABLE one_time_tokens ADD CONSTRAINT one_time_tokens_purpose_check
            CHECK (purpose IN ('email_verification', 'password_reset'));

        ALTER TABLE sessions DROP CONSTRAINT sessions_end_reason_check;
        ALTER TABLE sessions ADD CONSTRAINT sessions_end_reason_check
            CHECK (end_reason IN ('logout', 'reuse_detected', 'revoked'));

        CREATE TABLE address_requests (
            id uuid PRIMARY KEY,
            purpose text NOT NULL CHECK (purpose IN ('email_verification', 'password_reset', 'registration')),
            email text NOT NULL,
            digest bytea,
            sealed_token text,
            expires_at timestamptz,
            requested_at timestamptz NOT NULL,
            request_id text,
            traceparent text,
            CHECK ((digest IS NULL) = (purpose = 'registration')),
            CHECK ((sealed_token IS NULL) = (digest IS NULL) AND (expires_at IS NULL) = (digest IS NULL))
        );
        CREATE INDEX address_requests_by_age ON address_requests (requested_at);
        """

    /// `login_failed` is a sample: `login_failed_at` is when the last one was told of.
    static let failedLogins = """
        ALTER TABLE users ADD COLUMN login_failed_at timestamptz;

        ALTER TABLE address_requests ADD COLUMN device text;
        ALTER TABLE address_requests DROP CONSTRAINT address_requests_purpose_check;
        ALTER TABLE address_requests DROP CONSTRAINT address_requests_check;
        ALTER TABLE address_requests ADD CONSTRAINT address_requests_purpose_check
            CHECK (purpose IN ('email_verification', 'password_reset', 'registration', 'failed_login'));
        ALTER TABLE address_requests ADD CONSTRAINT address_requests_check
            CHECK ((digest IS NULL) = (purpose IN ('registration', 'failed_login')));
        """
}
