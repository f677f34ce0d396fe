package import AuthDomain
package import Chronology
package import EventLoop
package import Postgres
import Observability
import Secrets
import Tokens

/// The signing keys at rest: PKCS #8, sealed by the master key.
package struct SigningKeyStore: Sendable {
    /// Instances that make a key at the same time make one.
    private static let lock: PostgresQuery = "SELECT pg_advisory_xact_lock(\(Int64(0x666C_6F72_696E_6B65)))"

    private let pool: PostgresPool
    private let masterKey: MasterKey
    private let threads: OffloadPool

    /// - Parameter threads: makes keys, each of which takes a second.
    package init(pool: PostgresPool, masterKey: MasterKey, threads: OffloadPool) {
        self.pool = pool
        self.masterKey = masterKey
        self.threads = threads
    }

    /// Has `keys` use what is stored; makes the first key where there is none.
    ///
    /// - Throws: `SigningKeyError`, or the store's own error, retriable where it is away.
    package func load(into keys: SigningKeys, at now: Timestamp) async throws {
        var stored = try await stored()
        if stored.isEmpty {
            try await add(at: now, signsFrom: now) { $0.isEmpty }
            stored = try await self.stored()
        }
        guard Set(stored.map(\.times.id)) != keys.names else { return }
        keys.use(try stored.map { ($0.times, try open($0)) })
    }

    /// Makes the key that takes over after `overlap`, unless one is waiting to already.
    ///
    /// - Parameters:
    ///   - overlap: for so long it is published and does not sign; longer than any verifier keeps the keys that it has.
    ///   - interval: not unless the newest key is as old as this.
    /// - Returns: the key that was made.
    /// - Throws: the store's own error.
    @discardableResult
    package func rotate(
        at now: Timestamp, overlap: Duration, ifOlderThan interval: Duration = .zero
    ) async throws -> SigningKeyTimes? {
        let isDue: @Sendable ([SigningKeyTimes]) -> Bool = { times in
            let plan = SigningKeyPlan(times)
            return !plan.isRotating(at: now) && plan.isRotationDue(every: interval, at: now)
        }
        guard try await isDue(stored().map(\.times)) else { return nil }
        return try await add(at: now, signsFrom: now + overlap, if: isDue)
    }

    /// Forgets the keys whose last token has expired.
    ///
    /// - Returns: how many.
    /// - Throws: the store's own error.
    @discardableResult
    package func removeOver(at now: Timestamp) async throws -> Int {
        let over = SigningKeyPlan(try await stored().map(\.times)).over(at: now)
        guard !over.isEmpty else { return 0 }
        return try await pool.query("DELETE FROM signing_keys WHERE id = ANY(\(over))").affectedRows
    }

    private struct Stored {
        let times: SigningKeyTimes
        let sealed: [UInt8]
    }

    private static let select: PostgresQuery = """
        SELECT id, created_at, COALESCE(signs_from, created_at), sealed_key FROM signing_keys
        """

    private func stored() async throws -> [Stored] { try Self.read(await pool.query(Self.select)) }

    private static func read(_ rows: PostgresRows) throws -> [Stored] {
        try rows.map { row in
            let (id, created, signsFrom, sealed) = try row.decode(
                String.self, Timestamp.self, Timestamp.self, [UInt8].self)
            return Stored(
                times: SigningKeyTimes(id: id, createdAt: created, signsFrom: signsFrom), sealed: sealed)
        }
    }

    /// Makes a key and keeps it, if that is still called for once others have been waited for.
    @discardableResult
    private func add(
        at now: Timestamp, signsFrom: Timestamp, if condition: @Sendable ([SigningKeyTimes]) -> Bool
    ) async throws -> SigningKeyTimes? {
        let (id, sealed) = try await threads.run { [masterKey] in
            let key = try RSAPrivateKey.generate()
            return (key.publicKey.thumbprint, masterKey.box.seal(try key.pkcs8DER()))
        }
        return try await pool.withTransaction { transaction in
            // The second statement sees what was committed while the lock was waited for.
            let rows = try await transaction.batch([Self.lock, Self.select])[1]
            guard condition(try Self.read(rows).map(\.times)) else { return nil }
            try await transaction.commit(with: [
                """
                INSERT INTO signing_keys (id, sealed_key, created_at, signs_from)
                VALUES (\(id), \(sealed), \(now), \(signsFrom))
                """
            ])
            return SigningKeyTimes(id: id, createdAt: now, signsFrom: signsFrom)
        }
    }

    private func open(_ stored: Stored) throws -> RSAPrivateKey {
        do {
            let key = try RSAPrivateKey(pkcs8DER: masterKey.box.open(stored.sealed))
            guard key.publicKey.thumbprint == stored.times.id else { throw SigningKeyError(keyID: stored.times.id) }
            return key
        } catch is SecretsError {
            throw SigningKeyError(keyID: stored.times.id)
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
