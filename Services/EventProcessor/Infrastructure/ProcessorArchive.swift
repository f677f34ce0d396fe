package import ServiceRuntime
import Postgres

/// What the event processor knows of a user.
package enum ProcessorArchive {
    /// The kinds in the order of the archive.
    package static let kinds = [
        ArchivedRows("recipient") { user in
            """
            SELECT r.user_id::text AS key, jsonb_build_object('email', r.email, 'display_name', r.display_name) AS data
            FROM recipients r WHERE r.user_id = \(user)
            """
        },
        ArchivedRows("audit_entries") { user in
            """
            SELECT lpad(a.sequence::text, 20, '0') AS key, to_jsonb(a) - 'trail' || jsonb_build_object(
                'data_digest', encode(a.data_digest, 'hex'), 'previous_hash', encode(a.previous_hash, 'hex'),
                'hash', encode(a.hash, 'hex')) AS data
            FROM audit_entries a WHERE a.trail = \(user.description)
            """
        },
    ]
}
