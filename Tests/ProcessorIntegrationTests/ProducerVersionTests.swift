import Chronology
import CloudEvents
import Messaging
import MessagingTesting
import ProcessorInfrastructure
import Testing

/// Events of producers one version ahead or behind, and what is none, at the consumers of this service.
@Suite(.timeLimit(.minutes(5))) struct ProducerVersionTests {
    private func letters(_ processor: ProcessorFixture) async throws -> [String] {
        try await DeadLetterStore(pool: processor.pool).list().map(\.reason.rawValue).sorted()
    }

    /// The trail keeps a digest of the data and does not read it.
    @Test func everyVersionIsInTheTrail() async throws {
        try await ProcessorFixture.run { processor in
            let foreign = [ForeignMessage.noEvent, .otherSpecification]
            let user = UUIDv7.make()
            let events = try ProducerVersion.allCases.map { _ in try SampleEvents.spent(user).event }
            try await processor.publish(foreign.map { try $0.message(SampleEvents.spent(user).event) })
            try await processor.publish(zip(ProducerVersion.allCases, events).map { try $0.message($1) })
            try await processor.auditing {
                try await processor.eventually("all are recorded") {
                    try await processor.count("audit_entries") == events.count
                }
                try await processor.eventually("the others are parked") {
                    try await processor.count("dead_letters") == foreign.count
                }
            }
            let recorded = try await processor.pool.query("SELECT event_id FROM audit_entries ORDER BY sequence").map {
                try $0.decode(UUIDv7.self, at: 0).description
            }
            #expect(recorded == events.map(\.id))
            #expect(try await letters(processor) == foreign.map(\.reason.rawValue))
            #expect(try await AuditStore(pool: processor.pool).verifyAll().faults == [])
        }
    }

    @Test func everyVersionIsOneMail() async throws {
        try await ProcessorFixture.run { processor in
            func requested() throws -> CloudEvent {
                try SampleEvents.verificationRequested(
                    .make(), token: "t0ken", sealedTo: processor.sealKey.publicKey
                ).event
            }
            let events = try ProducerVersion.allCases.map { _ in try requested() }
            try await processor.publish(ForeignMessage.allCases.map { try $0.message(requested()) })
            try await processor.publish(zip(ProducerVersion.allCases, events).map { try $0.message($1) })
            try await processor.mailing {
                try await processor.eventually("all are sent") { try processor.mails().count == events.count }
                try await processor.eventually("the others are parked") {
                    try await processor.count("dead_letters") == ForeignMessage.allCases.count
                }
            }
            #expect(try processor.mails() == events.map { "\($0.id).eml" }.sorted())
            for event in events {
                let mail = try processor.mail(try UUIDv7(parsing: event.id))
                #expect(String(decoding: mail, as: UTF8.self).contains("t0ken"))
            }
            #expect(try await letters(processor) == ForeignMessage.allCases.map(\.reason.rawValue).sorted())
        }
    }

    /// A registration gives the address, and the budget's mail goes there: two handlers' worth of every version.
    @Test func everyVersionOfABudgetThatIsExceededIsOneMail() async throws {
        try await ProcessorFixture.run { processor in
            var mails: [String] = []
            for version in ProducerVersion.allCases {
                let user = UUIDv7.make()
                let exceeded = try SampleEvents.exceeded(user).event
                mails.append("\(exceeded.id).eml")
                try await processor.publish([
                    try version.message(SampleEvents.registered(user).event), try version.message(exceeded),
                ])
            }
            try await processor.mailing {
                try await processor.eventually("all are sent") { try processor.mails().count == mails.count }
            }
            #expect(try processor.mails() == mails.sorted())
            #expect(try await processor.count("dead_letters") == 0)
        }
    }
}
