import Chronology
import CloudEvents
import Contracts
import Messaging
import Postgres
import ProcessorInfrastructure
import ServiceRuntime
import Testing
import TestKit

/// What becomes of what the event processor knows of a user when the account is gone.
@Suite(.timeLimit(.minutes(5))) struct ErasureTests {
    private func deleted(_ user: UUIDv7) throws -> OutboxEvent {
        try OutboxEvent(
            UserDeletedV1(userID: user.description, erasureID: "e1", deletedAt: SampleEvents.time.description),
            service: "auth", subject: user, user: user, sequence: 9, time: SampleEvents.time)
    }

    private func updated(_ user: UUIDv7, name: String) throws -> OutboxEvent {
        try OutboxEvent(
            UserUpdatedV1(
                userID: user.description, email: "ada@example.org", displayName: name, baseCurrency: "EUR",
                locale: "en", timeZone: "UTC", status: "active", roles: ["user"],
                updatedAt: SampleEvents.time.description),
            service: "auth", subject: user, user: user, sequence: 3, time: SampleEvents.time)
    }

    /// Handles the erasures of the queue while `body` runs.
    private func erasing(_ processor: ProcessorFixture, _ body: () async throws -> Void) async throws {
        let outbox = Outbox()
        let consumer = EventConsumer(
            subscriber: processor.broker, subscription: EventQueues.processorErasures, pool: processor.pool,
            handler: ErasureHandler(ProcessorErasure.service, outbox: outbox, clock: SystemClock()),
            metrics: processor.metrics)
        let relay = OutboxRelay(pool: processor.pool, publisher: processor.broker, outbox: outbox)
        let tasks = [Task { await consumer.run() }, Task { await relay.run() }]
        let result: Result<Void, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
        try result.get()
    }

    @Test func aNewNameIsUsedFromThenOn() async throws {
        try await ProcessorFixture.run { processor in
            let user = UUIDv7.make()
            let alert = try SampleEvents.exceeded(user)
            try await processor.publish(
                [try SampleEvents.registered(user), try updated(user, name: "Ada Lovelace"), alert].map(
                    OutboundEvent.init))
            try await processor.mailing {
                try await eventually("the mail is there") { try processor.mails() == ["\(alert.id).eml"] }
            }
            let text = String(decoding: try processor.mail(alert.id), as: UTF8.self)
            #expect(text.contains("Hello Ada Lovelace,"))
        }
    }

    @Test func theUserIsForgottenAndTheTrailStays() async throws {
        try await ProcessorFixture.run { processor in
            let (user, other) = (UUIDv7.make(), UUIDv7.make())
            let known = try SampleEvents.registered(other, email: "bob@example.org", name: "Bob")
            try await processor.publish(
                [
                    try SampleEvents.registered(user, email: "ada.secret@example.org"), known,
                    try SampleEvents.exceeded(.make()), try deleted(user),
                ].map(OutboundEvent.init))
            try await processor.mailing {
                try await eventually("the mails are handled") {
                    processor.counter("processor.mail", "applied") == 3
                }
            }
            #expect(try await processor.count("recipients") == 2)
            try await processor.auditing {
                try await erasing(processor) {
                    try await eventually("the confirmation has left and is in the trail") {
                        try await processor.pool.query(
                            """
                            SELECT count(*) FROM audit_entries WHERE trail = \(user.description)
                                AND action = 'processor.processor_data_erased'
                            """
                        ).first(as: Int.self) == 1
                    }
                }
                try await eventually("the others' entries are there") {
                    try await processor.count("audit_entries") >= 5
                }
                #expect(try await processor.count("audit_entries") == 5)
            }
            #expect(try await processor.count("recipients") == 1)
            #expect(try await processor.count("waiting_events") == 1)
            #expect(try await processor.pool.tables(mentioning: ["ada.secret"]) == [])
            #expect(
                try await processor.pool.tables(mentioning: [user.description])
                    == ["audit_entries", "audit_heads", "erased_users"])
        }
    }

    /// Events that waited in another queue, and those of other services, find that nobody is to be written to.
    @Test func whatComesLateIsNeitherMailedNorKept() async throws {
        try await ProcessorFixture.run { processor in
            let (user, other) = (UUIDv7.make(), UUIDv7.make())
            try await processor.publish([OutboundEvent(try deleted(user))])
            try await erasing(processor) {
                try await eventually("the user is erased") {
                    try await processor.count("erased_users") == 1
                }
            }
            let last = try SampleEvents.exceeded(other)
            try await processor.publish(
                [
                    try SampleEvents.exceeded(user), try SampleEvents.registered(user),
                    try SampleEvents.verificationRequested(
                        user, token: "t", sealedTo: processor.sealKey.publicKey),
                    try updated(user, name: "Eve"), try SampleEvents.exceeded(user),
                    try SampleEvents.registered(other), last,
                ].map(OutboundEvent.init))
            try await processor.mailing {
                try await eventually("all are handled") {
                    processor.counter("processor.mail", "applied") == 7
                }
            }
            #expect(try processor.mails() == ["\(last.id).eml"])
            #expect(try await processor.count("recipients") == 1)
            #expect(try await processor.count("waiting_events") == 0)
        }
    }
}
