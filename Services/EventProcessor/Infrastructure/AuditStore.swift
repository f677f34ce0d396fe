package import Chronology
package import Postgres
import ProcessorApplication
package import ProcessorDomain
package import Validation

/// The audit trails in PostgreSQL.
package struct AuditStore: AuditTrails {
    private let pool: PostgresPool

    package init(pool: PostgresPool) {
        self.pool = pool
    }

    package func page(of userID: UUIDv7, _ request: PageRequest) async throws -> Page<AuditEntry> {
        let before = request.after?.keys.first.flatMap { Int64($0) } ?? .max
        let rows = try await pool.query(
            """
            SELECT sequence, time, actor, action, subject, trace_id, event_id, data_digest, previous_hash, hash
            FROM audit_entries WHERE trail = \(userID.description) AND sequence < \(before)
            ORDER BY sequence DESC LIMIT \(request.limit + 1)
            """)
        return try Page(rows.map(Self.entry), limit: request.limit) { PageCursor([String($0.sequence)]) }
    }

    /// A fact and the trail it belongs to.
    typealias Record = (trail: String, fact: AuditFact)

    /// Appends facts to their trails in the order given, as part of `transaction`, in one round trip however many they are:
    /// what is written goes with the next statement or the COMMIT.
    ///
    /// The trails' heads stay locked until the end of the transaction, so that entries of one trail are written one after
    /// the other whoever writes them.
    static func append(_ records: [Record], in transaction: PostgresTransaction) async throws {
        var heads = try await lockHeads(of: Array(Set(records.map(\.trail))), in: transaction)
        let entries = records.map { trail, fact in
            let entry = heads[trail, default: .empty].appending(fact)
            heads[trail] = AuditTrailHead(sequence: entry.sequence, hash: entry.hash)
            return (trail: trail, entry: entry)
        }
        transaction.post([insert(entries), move(heads)])
    }

    /// All transactions lock in the order of names, so that none waits in a circle.
    private static func lockHeads(
        of trails: [String], in transaction: PostgresTransaction
    ) async throws(PostgresError) -> [String: AuditTrailHead] {
        let results = try await transaction.batch([
            """
            INSERT INTO audit_heads (trail, sequence, hash)
            SELECT trail, 0, \(AuditTrailHead.empty.hash) FROM unnest(\(trails)) AS trail ORDER BY trail
            ON CONFLICT (trail) DO NOTHING
            """,
            "SELECT trail, sequence, hash FROM audit_heads WHERE trail = ANY(\(trails)) ORDER BY trail FOR UPDATE",
        ])
        var heads: [String: AuditTrailHead] = [:]
        for row in results[1] {
            let (trail, sequence, hash) = try row.decode(String.self, Int64.self, [UInt8].self)
            heads[trail] = AuditTrailHead(sequence: sequence, hash: hash)
        }
        return heads
    }

    private static func insert(_ entries: [(trail: String, entry: AuditEntry)]) -> PostgresQuery {
        let facts = entries.map(\.entry.fact)
        return """
            INSERT INTO audit_entries
                (trail, sequence, time, actor, action, subject, trace_id, event_id, data_digest, previous_hash, hash)
            SELECT * FROM unnest(
                \(entries.map(\.trail)), \(entries.map(\.entry.sequence)), \(facts.map(\.time)), \(facts.map(\.actor)),
                \(facts.map(\.action)), \(facts.map(\.subject)), \(facts.map(\.traceID)), \(facts.map(\.eventID)),
                \(facts.map(\.dataDigest)), \(entries.map(\.entry.previousHash)), \(entries.map(\.entry.hash)))
            """
    }

    private static func move(_ heads: [String: AuditTrailHead]) -> PostgresQuery {
        let (trails, ends) = (Array(heads.keys), Array(heads.values))
        return """
            UPDATE audit_heads SET sequence = moved.sequence, hash = moved.hash
            FROM unnest(\(trails), \(ends.map(\.sequence)), \(ends.map(\.hash))) AS moved (trail, sequence, hash)
            WHERE audit_heads.trail = moved.trail
            """
    }

    /// Walks every trail from its beginning, a page at a time.
    ///
    /// - Returns: how many entries hold, and what is wrong: trail by trail the first fault, and a head that does not belong
    ///   to the last entry.
    package func verifyAll() async throws -> AuditVerification {
        var verification = AuditVerification()
        var trails = try await trailNames(after: "")
        while !trails.isEmpty {
            for trail in trails { try await verify(trail, into: &verification) }
            trails = try await trailNames(after: trails[trails.count - 1])
        }
        return verification
    }

    private func verify(_ trail: String, into verification: inout AuditVerification) async throws {
        var verifier = AuditVerifier()
        var isComplete = false
        verification.trails += 1
        while !isComplete {
            let rows = try await pool.query(
                """
                SELECT sequence, time, actor, action, subject, trace_id, event_id, data_digest, previous_hash, hash
                FROM audit_entries WHERE trail = \(trail) AND sequence > \(verifier.head.sequence)
                ORDER BY sequence LIMIT \(Self.verifiedRows)
                """)
            for row in rows {
                let entry = try Self.entry(row)
                do {
                    try verifier.check(entry)
                } catch {
                    return verification.faults.append("trail \(trail): \(error)")
                }
                verification.entries += 1
            }
            isComplete = rows.count < Self.verifiedRows
        }
        if let fault = try await headFault(of: trail, after: verifier.head) {
            verification.faults.append("trail \(trail): \(fault)")
        }
    }

    /// What is wrong with the stored head of a trail whose entries hold up to `end`.
    private func headFault(of trail: String, after end: AuditTrailHead) async throws -> String? {
        // One statement, one snapshot: entries that arrive meanwhile have moved the head on as well.
        let rows = try await pool.query(
            """
            SELECT sequence, hash, (SELECT max(sequence) FROM audit_entries WHERE trail = \(trail))
            FROM audit_heads WHERE trail = \(trail)
            """)
        guard let row = rows.first else { return "the head is missing" }
        let (sequence, hash, last) = try row.decode(Int64.self, [UInt8].self, Int64?.self)
        if sequence > last ?? 0 { return "entries after \(last ?? 0) are missing" }
        if sequence < end.sequence || (sequence == end.sequence && hash != end.hash) {
            return "the head does not belong to entry \(end.sequence)"
        }
        return nil
    }

    /// Trails by their heads and by their entries, a page of them; each is named by one of the two at least.
    private func trailNames(after name: String) async throws -> [String] {
        try await pool.query(
            """
            WITH RECURSIVE walk AS (
                (SELECT trail FROM audit_entries WHERE trail > \(name) ORDER BY trail LIMIT 1)
                UNION ALL
                SELECT (SELECT trail FROM audit_entries WHERE trail > walk.trail ORDER BY trail LIMIT 1)
                FROM walk WHERE walk.trail IS NOT NULL
            )
            (SELECT trail FROM walk WHERE trail IS NOT NULL LIMIT \(Self.verifiedRows))
            UNION
            (SELECT trail FROM audit_heads WHERE trail > \(name) ORDER BY trail LIMIT \(Self.verifiedRows))
            ORDER BY trail LIMIT \(Self.verifiedRows)
            """
        ).map { try $0.decode(String.self, at: 0) }
    }

    private static let verifiedRows = 1_000

    private static func entry(_ row: PostgresRow) throws(PostgresError) -> AuditEntry {
        let (sequence, time, actor, action, subject, traceID, eventID, digest, previous, hash) = try row.decode(
            Int64.self, Timestamp.self, String.self, String.self, String.self, String?.self, UUIDv7.self, [UInt8].self,
            [UInt8].self, [UInt8].self)
        let fact = AuditFact(
            time: time, actor: actor, action: action, subject: subject, traceID: traceID, eventID: eventID,
            dataDigest: digest)
        return AuditEntry(sequence: sequence, fact: fact, previousHash: previous, hash: hash)
    }
}

/// What a walk over all trails found.
package struct AuditVerification: Sendable {
    package var trails = 0
    /// Entries that hold.
    package var entries = 0
    /// One line for each trail that does not hold; empty when all is well.
    package var faults: [String] = []
}
