package import EventLoop
package import Postgres
package import Chronology
import Observability
import Secrets
import Tokens

/// The signing keys at rest: PKCS #8, sealed by the master key.
package struct SigningKeyStore: Sendable {
    /// Two instances that start on an empty table at the same time make one key.
    private static let firstKeyLock: Int64 = 0x666C_6F72_696E_6B65

    private let pool: PostgresPool
    private let masterKey: MasterKey
    private let threads: OffloadPool

    /// - Parameter threads: makes the first key, which takes a second.
    package init(pool: PostgresPool, masterKey: MasterKey, threads: OffloadPool) {
        self.pool = pool
        self.masterKey = masterKey
        self.threads = threads
    }

    /// Has `keys` use what is stored; makes the first key where there is none.
    ///
    /// - Throws: `SigningKeyError`, or the store's own error, retriable where it is away.
    package func load(into keys: SigningKeys, at now: Timestamp) async throws {
        var rows = try await pool.query(Self.select)
        if rows.isEmpty { rows = try await addFirstKey(at: now) }
        keys.use(try rows.map(open))
    }

    private static let select: PostgresQuery = "SELECT id, sealed_key FROM signing_keys ORDER BY created_at DESC, id"

    private func addFirstKey(at now: Timestamp) async throws -> PostgresRows {
        let (id, sealed) = try await threads.run { [masterKey] in
            let key = try RSAPrivateKey.generate()
            return (key.publicKey.thumbprint, masterKey.box.seal(try key.pkcs8DER()))
        }
        // The lock ends with the transaction; each statement sees what was committed while it was waited for.
        return try await pool.batch([
            "SELECT pg_advisory_xact_lock(\(Self.firstKeyLock))",
            """
            INSERT INTO signing_keys (id, sealed_key, created_at)
            SELECT \(id), \(sealed), \(now) WHERE NOT EXISTS (SELECT FROM signing_keys)
            """,
            Self.select,
        ])[2]
    }

    private func open(_ row: PostgresRow) throws -> (id: String, key: RSAPrivateKey) {
        let (id, sealed) = try row.decode(String.self, [UInt8].self)
        do {
            let key = try RSAPrivateKey(pkcs8DER: masterKey.box.open(sealed))
            guard key.publicKey.thumbprint == id else { throw SigningKeyError(keyID: id) }
            return (id, key)
        } catch is SecretsError {
            throw SigningKeyError(keyID: id)
        }
    }
}

/// A stored signing key cannot be used with the master key that the service was told.
package struct SigningKeyError: Error, Hashable, CustomStringConvertible {
    /// The key's public name.
    package let keyID: String

    package var description: String {
        "FLORIN_MASTER_KEY does not open signing key \(keyID): it is not the master key that the key was sealed with"
    }
}
