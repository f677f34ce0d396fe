package import ServiceRuntime
import Postgres

/// What the auth service knows of a user, without what proves who they are: no hash, no secret, no token.
package enum AuthArchive {
    /// The kinds in the order of the archive.
    package static let kinds = [
        ArchivedRows("user") { user in
            """
            SELECT u.id::text AS key, to_jsonb(u) - 'email_key' - 'event_sequence' AS data FROM users u
            WHERE u.id = \(user)
            """
        },
        ArchivedRows("identities") { user in
            """
            SELECT concat(i.issuer, ' ', i.subject) AS key, to_jsonb(i) - 'user_id' AS data FROM user_identities i
            WHERE i.user_id = \(user)
            """
        },
        ArchivedRows("second_factors") { user in
            """
            SELECT 'totp' AS key, jsonb_build_object(
                'kind', 'totp', 'created_at', f.created_at, 'confirmed_at', f.confirmed_at,
                'recovery_codes', (SELECT count(*) FROM recovery_codes c WHERE c.user_id = f.user_id)) AS data
            FROM totp_factors f WHERE f.user_id = \(user)
            """
        },
        ArchivedRows("api_tokens") { user in
            "SELECT t.id::text AS key, to_jsonb(t) - 'user_id' - 'digest' AS data FROM api_tokens t WHERE t.user_id = \(user)"
        },
        ArchivedRows("sessions") { user in
            "SELECT s.id::text AS key, to_jsonb(s) - 'user_id' AS data FROM sessions s WHERE s.user_id = \(user)"
        },
    ]
}
