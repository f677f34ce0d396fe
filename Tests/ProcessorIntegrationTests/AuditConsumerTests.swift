import Chronology
import CloudEvents
import Messaging
import Observability
import Postgres
import ProcessorDomain
import ProcessorInfrastructure
import Testing
import TestKit
import Validation

@Suite struct AuditConsumerTests {
    private static let users = (0..<20).map { _ in UUIDv7.make() }

    /// 1,000 events of 20 users, each in a trace of its own, in the order of their writing.
    private func events() throws -> [OutboxEvent] {
        try (0..<1_000).map { number in
            try TraceContext.$current.withValue(.root()) {
                try SampleEvents.spent(Self.users[number % Self.users.count])
            }
        }
    }

    private func trail(_ user: UUIDv7, _ pool: PostgresPool) async throws -> [AuditEntry] {
        let page = PageRequest(limit: 100, after: nil)
        return try await AuditStore(pool: pool).page(of: user, page).items.reversed()
    }

    @Test(.timeLimit(.minutes(5))) func everyEventIsInItsUsersTrail() async throws {
        try await ProcessorFixture.run { processor in
            let events = try events()
            try await processor.relaying {
                try await processor.write(events)
                try await eventually("the outbox is relayed") {
                    try await processor.sending.query("SELECT count(*) FROM outbox").first(as: Int.self) == 0
                }
            }
            try await processor.auditing {
                try await eventually("every event is recorded") {
                    try await processor.count("audit_entries") == events.count
                }
            }
            for user in Self.users {
                let written = events.filter { $0.partitionKey == user.description }
                let entries = try await trail(user, processor.pool)
                #expect(entries.map(\.sequence) == Array(1...50))
                #expect(entries.map(\.fact.eventID) == written.map(\.id))
                #expect(entries.map(\.fact.subject) == written.map { $0.event.subject })
                #expect(
                    entries.map(\.fact.traceID)
                        == written.map { $0.event.traceparent.map { String($0.split(separator: "-")[1]) } })
                #expect(entries.allSatisfy { $0.fact.action == "expense.expense_created" })
                #expect(entries.allSatisfy { $0.fact.actor == user.description && $0.fact.time == SampleEvents.time })
            }
            let verification = try await AuditStore(pool: processor.pool).verifyAll()
            #expect(verification.faults == [])
            #expect(verification.entries == 1_000)
            #expect(verification.trails == 20)
        }
    }
}
