import Chronology
import Foundation
import Messaging
import Postgres
import ProcessorInfrastructure
import ServersTesting
import Testing
import TestKit

/// Who may change a trail, and what verification says of a change by somebody who could.
@Suite(.serialized) struct AuditTamperingTests {
    /// A trail of five entries on a database of its own, reached by the owner's role and by a superuser who disables triggers.
    private func withTrail(
        _ body: (_ trail: String, _ processor: ProcessorFixture, _ tamper: (String) async throws -> Void) async throws
            -> Void
    ) async throws {
        try await ProcessorFixture.run { processor in
            let user = UUIDv7.make()
            let events = try (0..<5).map { _ in OutboundEvent(try SampleEvents.spent(user)) }
            try await processor.publish(events)
            try await processor.auditing {
                try await eventually("all are recorded") {
                    try await processor.count("audit_entries") == 5
                }
            }
            let superuser = try await processor.superuser()
            var failure: (any Error)?
            do {
                try await body(user.description, processor) { statement in
                    try await superuser.withConnection { session in
                        try await session.script(
                            """
                            BEGIN;
                            SET LOCAL search_path = events;
                            ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_append_only;
                            \(statement);
                            ALTER TABLE audit_entries ENABLE TRIGGER audit_entries_append_only;
                            COMMIT
                            """)
                    }
                }
            } catch {
                failure = error
            }
            await superuser.shutdown(grace: .zero)
            if let failure { throw failure }
        }
    }

    /// A change, and what verification says after the trail's name.
    static let changes: [(String, String)] = [
        ("UPDATE audit_entries SET action = 'x' WHERE sequence = 3", "entry 3 was changed after it was written"),
        (
            "UPDATE audit_entries SET time = time + interval '1 microsecond' WHERE sequence = 5",
            "entry 5 was changed after it was written"
        ),
        (
            "UPDATE audit_entries SET data_digest = '\\x00' WHERE sequence = 1",
            "entry 1 was changed after it was written"
        ),
        (
            "UPDATE audit_entries SET previous_hash = hash WHERE sequence = 2",
            "entry 2 does not continue the entry before it"
        ),
        ("DELETE FROM audit_entries WHERE sequence = 2", "entry 3 stands where entry 2 belongs"),
        ("DELETE FROM audit_entries WHERE sequence = 1", "entry 2 stands where entry 1 belongs"),
        ("DELETE FROM audit_entries WHERE sequence = 5", "entries after 4 are missing"),
        ("DELETE FROM audit_entries", "entries after 0 are missing"),
        ("DELETE FROM audit_heads", "the head is missing"),
        ("UPDATE audit_heads SET sequence = 4", "the head does not belong to entry 5"),
        ("UPDATE audit_heads SET hash = sha256('x')", "the head does not belong to entry 5"),
    ]

    @Test(.timeLimit(.minutes(5)), arguments: changes) func aChangeIsFoundAndNamed(change: String, fault: String)
        async throws
    {
        try await withTrail { trail, processor, tamper in
            let store = AuditStore(pool: processor.pool)
            let before = try await store.verifyAll()
            #expect(before.faults == [])
            #expect(before.entries == 5)
            try await tamper(change)
            #expect(try await store.verifyAll().faults == ["trail \(trail): \(fault)"])
        }
    }

    @Test(.timeLimit(.minutes(5))) func theServiceItselfCanOnlyAppend() async throws {
        try await withTrail { _, processor, _ in
            for statement: PostgresQuery in [
                "UPDATE audit_entries SET action = 'x'", "DELETE FROM audit_entries",
                "UPDATE audit_entries SET action = 'x' WHERE sequence = 0", "TRUNCATE audit_entries",
            ] {
                let refusal = await refusal(of: statement, processor.pool)
                #expect(refusal.contains("append-only"))
            }
            let verification = try await AuditStore(pool: processor.pool).verifyAll()
            #expect(verification.entries == 5)
        }
    }

    private func refusal(of statement: PostgresQuery, _ pool: PostgresPool) async -> String {
        do {
            try await pool.query(statement)
            return "not refused"
        } catch {
            return String(reflecting: error)
        }
    }
}

extension ProcessorFixture {
    /// A superuser's connections to the fixture's database.
    func superuser() async throws -> PostgresPool {
        let own = try #require(databases["events"].flatMap(URL.init(string:)))
        var url = try #require(URLComponents(string: try await TestPostgres.shared().superuserURL))
        url.path = own.path
        var configuration = try PostgresPool.Configuration(url: try #require(url.string))
        configuration.callTimeout = .seconds(30)
        configuration.unavailableTimeout = .seconds(20)
        let pool = try PostgresPool(loop: loop, configuration: configuration)
        await pool.start()
        return pool
    }
}
