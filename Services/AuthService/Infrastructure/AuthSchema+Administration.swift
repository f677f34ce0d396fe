extension AuthSchema {
    /// `access_changed_at` is when status or roles were last changed: access tokens of before say otherwise.
    static let administration = """
        ALTER TABLE users ADD COLUMN access_changed_at timestamptz;
        CREATE INDEX users_by_access_change ON users (access_changed_at) WHERE access_changed_at IS NOT NULL;
        """
}
