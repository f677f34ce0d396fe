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

    /// Appends a fact to a trail, as part of `transaction`.
    ///
    /// The trail's head stays locked until the end of the transaction, so that entries of one trail are written one after
    /// the other whoever writes them.
    static func append(_ fact: AuditFact, to trail: String, in transaction: PostgresTransaction) async throws {
        let results = try await transaction.batch([
            """
            INSERT INTO audit_heads (trail, sequence, hash)
            VALUES (\(trail), 0, \(AuditTrailHead.empty.hash)) ON CONFLICT (trail) DO NOTHING
            """,
            "SELECT sequence, hash FROM audit_heads WHERE trail = \(trail) FOR UPDATE",
        ])
        let (sequence, hash) = try results[1][0].decode(Int64.self, [UInt8].self)
        let entry = AuditTrailHead(sequence: sequence, hash: hash).appending(fact)
        _ = try await transaction.batch([
            """
            INSERT INTO audit_entries
                (trail, sequence, time, actor, action, subject, trace_id, event_id, data_digest, previous_hash, hash)
            VALUES (\(trail), \(entry.sequence), \(fact.time), \(fact.actor), \(fact.action), \(fact.subject),
                \(fact.traceID), \(fact.eventID), \(fact.dataDigest), \(entry.previousHash), \(entry.hash))
            """,
            "UPDATE audit_heads SET sequence = \(entry.sequence), hash = \(entry.hash) WHERE trail = \(trail)",
        ])
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
        while !isComplete {
            let rows = try await pool.query(
                """
                SELECT sequence, time, actor, action, subject, trace_id, event_id, data_digest, previous_hash, hash
                FROM audit_entries WHERE trail = \(trail) AND sequence > \(verifier.head.sequence)
                ORDER BY sequence LIMIT 1000
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
            isComplete = rows.count < 1000
        }
        let head = try await pool.query("SELECT sequence, hash FROM audit_heads WHERE trail = \(trail)")
        let (sequence, hash) = try head[0].decode(Int64.self, [UInt8].self)
        // Entries that arrive meanwhile only move the head on.
        if sequence == verifier.head.sequence ? hash != verifier.head.hash : sequence < verifier.head.sequence {
            verification.faults.append("trail \(trail): the head does not belong to entry \(verifier.head.sequence)")
        } else if sequence > verifier.head.sequence {
            let last = try await pool.query("SELECT max(sequence) FROM audit_entries WHERE trail = \(trail)")
            if try last[0].decode(Int64?.self, at: 0) ?? 0 < sequence {
                verification.faults.append("trail \(trail): entries after \(verifier.head.sequence) are missing")
            }
        }
        verification.trails += 1
    }

    private func trailNames(after name: String) async throws -> [String] {
        try await pool.query("SELECT trail FROM audit_heads WHERE trail > \(name) ORDER BY trail LIMIT 1000")
            .map { try $0.decode(String.self, at: 0) }
    }

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
