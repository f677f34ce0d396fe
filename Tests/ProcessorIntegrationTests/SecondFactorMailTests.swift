import Chronology
import Contracts
import Messaging
import ProcessorDomain
import ServiceRuntime
import Testing
import TestKit

@Suite struct SecondFactorMailTests {
    @Test(.timeLimit(.minutes(5))) func everyChangeHasItsMail() async throws {
        try await ProcessorFixture.run { processor in
            let user = UUIDv7.make()
            let events = try SecondFactorChange.allCases.enumerated().map { number, change in
                try OutboxEvent(
                    MfaChangedV1(
                        userID: user.description, change: change.rawValue, changedAt: "2026-11-20T09:30:00.000Z"),
                    service: "auth", subject: user, user: user, sequence: Int64(number) + 2, time: SampleEvents.time)
            }
            try await processor.publish(([try SampleEvents.registered(user)] + events).map(OutboundEvent.init))
            try await processor.mailing {
                try await eventually("all are handled") {
                    processor.counter("processor.mail", "applied") == 5
                }
            }
            let subjects = try events.map { event in
                let mail = String(decoding: try processor.mail(event.id), as: UTF8.self)
                #expect(mail.contains("To: \"Ada\" <ada@example.org>\r\n"))
                return mail.split(separator: "\r\n").first { $0.hasPrefix("Subject: ") }.map { $0.dropFirst(9) }
            }
            #expect(
                subjects == [
                    "Two-step sign-in is on", "Two-step sign-in is off", "Your recovery codes were replaced",
                    "A recovery code was used",
                ])
        }
    }
}
