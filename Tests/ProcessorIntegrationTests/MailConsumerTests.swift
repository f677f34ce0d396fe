import Chronology
import CloudEvents
import Foundation
import Messaging
import MessagingAMQP
import ProcessorApplication
import ProcessorDomain
import ServiceRuntime
import Synchronization
import Testing
import TestKit

@Suite struct MailConsumerTests {
    @Test(.timeLimit(.minutes(5))) func theVerificationMailHasTheOpenedToken() async throws {
        try await ProcessorFixture.run { processor in
            let user = UUIDv7.make()
            let event = try SampleEvents.verificationRequested(
                user, token: "tok_en-1", sealedTo: processor.sealKey.publicKey)
            #expect(!String(decoding: OutboundEvent(event).body, as: UTF8.self).contains("tok_en-1"))
            try await processor.relaying {
                try await processor.write([try SampleEvents.registered(user), event])
                try await processor.mailing {
                    try await eventually("the mail is there") {
                        try processor.mails() == ["\(event.id).eml"]
                    }
                }
            }
            let recipient = Recipient(userID: user, email: "ada@example.org", displayName: "Ada")
            let expected = Mail.verification(
                eventID: event.id, to: recipient, token: "tok_en-1", publicURL: ProcessorFixture.publicURL,
                validUntil: try #require(Timestamp(rfc3339: "2026-11-21T09:30:00Z")), at: SampleEvents.time)
            #expect(try processor.mail(event.id) == expected.message(from: ProcessorFixture.sender))
            let lines = String(decoding: try processor.mail(event.id), as: UTF8.self).components(separatedBy: "\r\n")
            #expect(lines.contains("https://florin.example.net/verify?token=3Dtok_en-1"))
            #expect(lines.contains("Message-ID: <\(event.id)@example.net>"))
        }
    }

    @Test(.timeLimit(.minutes(5))) func theFirstCrossingAloneIsMailed() async throws {
        try await ProcessorFixture.run { processor in
            let (user, budget) = (UUIDv7.make(), UUIDv7.make())
            let first = try SampleEvents.exceeded(user, budget: budget)
            let again = try SampleEvents.exceeded(user, crossing: 2, sequence: 2, budget: budget)
            let full = try SampleEvents.exceeded(user, threshold: 100, sequence: 3, budget: budget)
            try await processor.publish(
                [try SampleEvents.registered(user), first, again, full].map(OutboundEvent.init))
            try await processor.mailing {
                try await eventually("all are handled") {
                    processor.counter("processor.mail", "applied") == 4
                }
            }
            #expect(try processor.mails() == ["\(first.id).eml", "\(full.id).eml"].sorted())
            let text = String(decoding: try processor.mail(first.id), as: UTF8.self)
            #expect(text.contains("Subject: Budget Groceries: 80 % reached\r\n"))
            #expect(text.contains("166.50 EUR of 200.00 EUR are spent (83.25 %)"))
        }
    }

    @Test(.timeLimit(.minutes(5))) func theSameEventTwiceIsOneMail() async throws {
        try await ProcessorFixture.run { processor in
            let transport = CountingTransport(inner: processor.transport)
            let (user, other) = (UUIDv7.make(), UUIDv7.make())
            let event = try SampleEvents.exceeded(user)
            let next = try SampleEvents.exceeded(other)
            let messages = [try SampleEvents.registered(user), event, event, event].map(OutboundEvent.init)
            try await processor.publish(messages)
            try await processor.mailing(through: transport) {
                try await eventually("the event is handled") {
                    processor.counter("processor.mail", "applied") == 2
                }
                // Repeats may share the fate of the first while it is worked on; a later one is known by the inbox.
                try await processor.publish([OutboundEvent(event)])
                try await processor.publish([try SampleEvents.registered(other), next].map(OutboundEvent.init))
                try await eventually("the last event is handled") {
                    try processor.mails().contains("\(next.id).eml")
                }
                try await eventually("the repeat is known as such") {
                    processor.counter("processor.mail", "duplicate") >= 1
                }
            }
            #expect(try processor.mails() == ["\(event.id).eml", "\(next.id).eml"].sorted())
            #expect(transport.sent(event.id) == 1)
        }
    }

    /// The mail is written and the transaction commits, but the broker never hears of it.
    @Test(.timeLimit(.minutes(5))) func aLostAcknowledgementGivesNoSecondMail() async throws {
        try await ProcessorFixture.run { processor in
            let transport = CountingTransport(inner: processor.transport)
            let user = UUIDv7.make()
            let event = try SampleEvents.exceeded(user)
            try await processor.publish([try SampleEvents.registered(user), event].map(OutboundEvent.init))
            let first = try AMQPEventBroker(url: processor.brokerURL, name: "first", queues: EventQueues.all)
            try first.start()
            try await processor.mailing(DeafSubscriber(inner: first), through: transport) {
                try await eventually("the mail is there") { try processor.mails() == ["\(event.id).eml"] }
                try await eventually("both are committed") { try await processor.count("inbox") == 2 }
            }
            await first.shutdown()
            try await processor.mailing(through: transport) {
                try await eventually("both come again") {
                    processor.counter("processor.mail", "duplicate") == 2
                }
            }
            #expect(try processor.mails() == ["\(event.id).eml"])
            #expect(transport.sent(event.id) == 1)
        }
    }

    /// The consumer is stopped after the mail is written and before the transaction commits.
    @Test(.timeLimit(.minutes(5))) func aMailBeforeItsCommitIsWrittenOverByTheSameMail() async throws {
        try await ProcessorFixture.run { processor in
            let transport = CountingTransport(inner: processor.transport, stallsAfterFirst: true)
            let user = UUIDv7.make()
            let event = try SampleEvents.exceeded(user)
            try await processor.publish([try SampleEvents.registered(user), event].map(OutboundEvent.init))
            let first = try AMQPEventBroker(url: processor.brokerURL, name: "first", queues: EventQueues.all)
            try first.start()
            try await processor.mailing(first, through: transport) {
                try await eventually("the mail is there") { try processor.mails() == ["\(event.id).eml"] }
            }
            await first.shutdown()
            let message = try processor.mail(event.id)
            try await processor.mailing(through: transport) {
                try await eventually("both are committed") { try await processor.count("inbox") == 2 }
            }
            #expect(transport.sent(event.id) == 2)
            #expect(try processor.mails() == ["\(event.id).eml"])
            #expect(try processor.mail(event.id) == message)
        }
    }

    @Test(.timeLimit(.minutes(5))) func aBudgetMailWaitsForItsRecipientAndHoldsNobodyBack() async throws {
        try await ProcessorFixture.run { processor in
            let (unknown, known) = (UUIDv7.make(), UUIDv7.make())
            let early = try SampleEvents.exceeded(unknown)
            let later = try SampleEvents.exceeded(unknown, threshold: 100, sequence: 2)
            let other = try SampleEvents.exceeded(known)
            try await processor.mailing {
                try await processor.publish(
                    [early, later, try SampleEvents.registered(known), other].map(OutboundEvent.init))
                try await eventually("the other user's mail is there") {
                    try processor.mails() == ["\(other.id).eml"]
                }
                try await eventually("two wait") { try await processor.count("waiting_events") == 2 }
                // The same partition key: behind the two in their lane.
                try await processor.publish(
                    [OutboundEvent(try SampleEvents.registered(unknown, email: "eve@example.org", name: "Eve"))])
                try await eventually("their mails are there") { try processor.mails().count == 3 }
            }
            let text = String(decoding: try processor.mail(early.id), as: UTF8.self)
            #expect(text.contains("<eve@example.org>"))
            #expect(try await processor.count("waiting_events") == 0)
            #expect(try await processor.count("dead_letters") == 0)
        }
    }

    @Test(.timeLimit(.minutes(5))) func aMissingFolderIsWaitedForWithoutParking() async throws {
        try await ProcessorFixture.run { processor in
            let user = UUIDv7.make()
            let event = try SampleEvents.exceeded(user)
            try FileManager.default.removeItem(at: processor.mailFolder)
            try await processor.publish([try SampleEvents.registered(user), event].map(OutboundEvent.init))
            let transport = CountingTransport(inner: processor.transport)
            try await processor.mailing(through: transport) {
                try await eventually("it is tried again and again") { transport.failures >= 5 }
                try FileManager.default.createDirectory(at: processor.mailFolder, withIntermediateDirectories: true)
                try await eventually("the mail is there") { try processor.mails() == ["\(event.id).eml"] }
            }
            #expect(try await processor.count("dead_letters") == 0)
        }
    }

    @Test(.timeLimit(.minutes(5))) func anUnreadableTokenIsParkedWithItsReason() async throws {
        try await ProcessorFixture.run { processor in
            let (user, other) = (UUIDv7.make(), UUIDv7.make())
            let foreign = try SampleEvents.verificationRequested(
                user, token: "t", sealedTo: try ProcessorFixture.foreignKey())
            let good = try SampleEvents.verificationRequested(
                other, token: "t", sealedTo: processor.sealKey.publicKey)
            try await processor.publish([foreign, good].map(OutboundEvent.init))
            try await processor.mailing {
                try await eventually("it is parked") { try await processor.count("dead_letters") == 1 }
                try await eventually("the other is sent") { try processor.mails() == ["\(good.id).eml"] }
            }
            let letter = try await processor.pool.query("SELECT reason, attempts, error FROM dead_letters")
                .first(as: String.self, Int32.self, String.self)
            #expect(letter.0 == "unprocessable" && letter.1 == 1)
            #expect(letter.2 == "the sealed token cannot be opened with this key")
        }
    }
}

/// Passes mails on and counts them.
private final class CountingTransport: MailTransport {
    private struct State {
        var sent: [UUIDv7: Int] = [:]
        var failures = 0
    }

    private let inner: any MailTransport
    private let stallsAfterFirst: Bool
    private let state = Mutex(State())

    /// - Parameter stallsAfterFirst: whether the first mail is written and its caller then kept until it is cancelled.
    init(inner: any MailTransport, stallsAfterFirst: Bool = false) {
        self.inner = inner
        self.stallsAfterFirst = stallsAfterFirst
    }

    func sent(_ event: UUIDv7) -> Int { state.withLock { $0.sent[event] ?? 0 } }
    var failures: Int { state.withLock { $0.failures } }

    func send(_ mail: Mail) async throws(MailTransportError) {
        do {
            try await inner.send(mail)
        } catch {
            state.withLock { $0.failures += 1 }
            throw error
        }
        let isFirst = state.withLock { state in
            state.sent[mail.eventID, default: 0] += 1
            return state.sent.values.reduce(0, +) == 1
        }
        guard stallsAfterFirst && isFirst else { return }
        do {
            try await Task.sleep(for: .seconds(3_600))
        } catch {
            throw MailTransportError("cancelled", isRetriable: true)
        }
    }
}

/// Swallows every settlement, as a connection does that breaks at the wrong moment.
private struct DeafSubscriber: EventSubscriber {
    let inner: AMQPEventBroker

    func deliveries(from subscription: Subscription) -> any AsyncSequence<Delivery, Never> {
        AsyncStream { continuation in
            let task = Task {
                for await delivery in inner.deliveries(from: subscription) {
                    continuation.yield(
                        Delivery(
                            routingKey: delivery.routingKey, contentType: delivery.contentType,
                            headers: delivery.headers, body: delivery.body, redelivered: delivery.redelivered,
                            settle: { _ in }))
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}
