import Chronology
import CloudEvents
import Contracts
import Messaging
import ProcessorDomain
import Secrets
import ServiceRuntime
import Testing
import TestKit

/// Mails about an account: reset, password changed, new device, registered again.
@Suite struct AccountMailTests {
    private static let instant = "2026-11-20T09:30:00.000Z"
    private let user = UUIDv7.make()

    private func event(_ payload: some EventPayload, _ sequence: Int64) throws -> OutboxEvent {
        try OutboxEvent(
            payload, service: "auth", subject: user, user: user, sequence: sequence, time: SampleEvents.time)
    }

    private func loggedIn(_ device: String, isNew: Bool, _ sequence: Int64) throws -> OutboxEvent {
        try event(
            UserLoggedInV1(
                userID: user.description, sessionID: UUIDv7.make().description, device: device, newDevice: isNew,
                loggedInAt: Self.instant), sequence)
    }

    private func text(_ processor: ProcessorFixture, _ event: OutboxEvent) throws -> String {
        String(decoding: try processor.mail(event.id), as: UTF8.self)
    }

    @Test(.timeLimit(.minutes(5))) func everyReasonHasItsMail() async throws {
        try await ProcessorFixture.run { processor in
            let sealed = Base64URL.encode(
                try SealedBox.seal(Array("tok_en-1".utf8), to: processor.sealKey.publicKey))
            let first = try loggedIn("curl", isNew: false, 2)
            let device = try loggedIn("Firefox/140", isNew: true, 3)
            let reset = try event(
                PasswordResetRequestedV1(
                    userID: user.description, email: "ada@example.org", displayName: "Ada", sealedToken: sealed,
                    expiresAt: Self.instant), 4)
            let changed = try event(
                PasswordChangedV1(userID: user.description, method: "reset", changedAt: Self.instant), 5)
            let again = try event(
                RegistrationRepeatedV1(
                    userID: user.description, email: "ada@example.org", displayName: "Ada", attemptedAt: Self.instant),
                6)
            try await processor.publish(
                [try SampleEvents.registered(user), first, device, reset, changed, again].map(OutboundEvent.init))
            try await processor.mailing {
                try await eventually("all are handled") {
                    processor.counter("processor.mail", "applied") == 6
                }
            }
            #expect(try processor.mails() == [device, reset, changed, again].map { "\($0.id).eml" }.sorted())
            #expect(try text(processor, reset).contains("https://florin.example.net/reset?token=3Dtok_en-1\r\n"))
            #expect(try text(processor, changed).contains("Subject: Your password was changed\r\n"))
            #expect(try text(processor, device).contains("    Firefox/140\r\n"))
            #expect(try text(processor, again).contains("Subject: You already have an account\r\n"))
            for mail in [device, reset, changed, again] {
                #expect(try text(processor, mail).contains("To: \"Ada\" <ada@example.org>\r\n"))
            }
        }
    }

    @Test(.timeLimit(.minutes(5))) func noticesWaitForTheirRecipient() async throws {
        try await ProcessorFixture.run { processor in
            let changed = try event(
                PasswordChangedV1(userID: user.description, method: "change", changedAt: Self.instant), 2)
            try await processor.publish([OutboundEvent(changed)])
            try await processor.mailing {
                try await eventually("it waits") { try await processor.count("waiting_events") == 1 }
                try await processor.publish([OutboundEvent(try SampleEvents.registered(user))])
                try await eventually("it is sent") { try processor.mails() == ["\(changed.id).eml"] }
            }
            #expect(try await processor.count("waiting_events") == 0)
        }
    }

    @Test(.timeLimit(.minutes(5))) func aResetThatCannotBeOpenedIsParked() async throws {
        try await ProcessorFixture.run { processor in
            let sealed = Base64URL.encode(try SealedBox.seal([1], to: try ProcessorFixture.foreignKey()))
            let reset = try event(
                PasswordResetRequestedV1(
                    userID: user.description, email: "ada@example.org", displayName: "Ada", sealedToken: sealed,
                    expiresAt: Self.instant), 2)
            try await processor.publish([OutboundEvent(reset)])
            try await processor.mailing {
                try await eventually("it is parked") { try await processor.count("dead_letters") == 1 }
            }
            #expect(try processor.mails().isEmpty)
        }
    }
}
