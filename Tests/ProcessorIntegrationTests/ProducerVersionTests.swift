import Chronology
import CloudEvents
import Contracts
import Messaging
import MessagingTesting
import Postgres
import ProcessorInfrastructure
import Secrets
import ServiceRuntime
import Testing
import TestKit

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
                try await eventually("all are recorded") {
                    try await processor.count("audit_entries") == events.count
                }
                try await eventually("the others are parked") {
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
                try await eventually("all are sent") { try processor.mails().count == events.count }
                try await eventually("the others are parked") {
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
                try await eventually("all are sent") { try processor.mails().count == mails.count }
            }
            #expect(try processor.mails() == mails.sorted())
            #expect(try await processor.count("dead_letters") == 0)
        }
    }

    /// The store of live streams keeps events as they are and does not read their data.
    @Test func everyVersionIsKeptForStreams() async throws {
        try await ProcessorFixture.run { processor in
            let events = try ProducerVersion.allCases.map { _ in try SampleEvents.spent(.make()).event }
            let foreign = try ForeignMessage.allCases.map { _ in try SampleEvents.spent(.make()).event }
            let reasons = try await ProducerVersion.consume(
                events, beside: foreign, from: EventQueues.streams, by: StreamEventHandler(), in: processor.pool)
            #expect(reasons == [.undecodable, .undecodable])
            let kept = try await processor.pool.query("SELECT event_id FROM stream_events").map {
                try $0.decode(String.self, at: 0)
            }
            let whole = zip(ForeignMessage.allCases, foreign).filter { $0.0 == .otherData }.map(\.1)
            #expect(kept.sorted() == (events + whole).map(\.id).sorted())
        }
    }

    @Test func everyVersionOfADeletionIsAnErasure() async throws {
        try await ProcessorFixture.run { processor in
            func deleted(_ user: UUIDv7) throws -> CloudEvent {
                try OutboxEvent(
                    UserDeletedV1(userID: user.description, erasureID: "e", deletedAt: "2026-11-20T09:30:00.123Z"),
                    service: "auth", subject: user, user: user, sequence: 9, time: SampleEvents.time
                ).event
            }
            let users = ProducerVersion.allCases.map { _ in UUIDv7.make() }
            let reasons = try await ProducerVersion.consume(
                users.map(deleted), beside: ForeignMessage.allCases.map { _ in try deleted(.make()) },
                from: EventQueues.processorErasures,
                by: ErasureHandler(ProcessorErasure.service, outbox: processor.outbox, clock: SystemClock()),
                in: processor.pool)
            #expect(reasons == ForeignMessage.reasons)
            let erased = try await processor.pool.query("SELECT user_id FROM erased_users").map {
                try $0.decode(UUIDv7.self, at: 0)
            }
            #expect(erased.sorted() == users.sorted())
        }
    }

    /// Of what tells a user about the account, one of each kind: they differ in what they read.
    @Test(arguments: 0..<5) func everyVersionOfANoticeIsOneMail(kind: Int) async throws {
        let at = "2026-11-20T09:30:00.123Z"
        func notice(_ user: UUIDv7, sealed: String) throws -> CloudEvent {
            let payloads: [any EventPayload] = [
                PasswordChangedV1(userID: user.description, method: "reset", changedAt: at),
                MfaChangedV1(userID: user.description, change: "enabled", changedAt: at),
                UserLoggedInV1(
                    userID: user.description, sessionID: UUIDv7.make().description, device: "curl", newDevice: true,
                    loggedInAt: at),
                RegistrationRepeatedV1(
                    userID: user.description, email: "ada@example.org", displayName: "Ada", attemptedAt: at),
                PasswordResetRequestedV1(
                    userID: user.description, email: "ada@example.org", displayName: "Ada", sealedToken: sealed,
                    expiresAt: at),
            ]
            return try OutboxEvent(
                payloads[kind], service: "auth", subject: user, user: user, sequence: 2, time: SampleEvents.time
            ).event
        }
        try await ProcessorFixture.run { processor in
            let sealed = Base64URL.encode(try SealedBox.seal(Array("t".utf8), to: processor.sealKey.publicKey))
            let users = ProducerVersion.allCases.map { _ in UUIDv7.make() }
            for user in users {
                try await processor.pool.query(
                    "INSERT INTO recipients (user_id, email, display_name) VALUES (\(user), 'ada@example.org', 'Ada')")
            }
            let events = try users.map { try notice($0, sealed: sealed) }
            let reasons = try await ProducerVersion.consume(
                events, beside: ForeignMessage.allCases.map { _ in try notice(.make(), sealed: sealed) },
                from: EventQueues.mail,
                by: MailHandler(
                    transport: processor.transport, sealKey: processor.sealKey, publicURL: ProcessorFixture.publicURL),
                in: processor.pool)
            #expect(reasons == ForeignMessage.reasons)
            #expect(try processor.mails() == events.map { "\($0.id).eml" }.sorted())
        }
    }
}
