import Chronology
import CloudEvents
import Messaging
import Postgres
import ProcessorInfrastructure
import ServiceRuntime
import Synchronization
import Testing
import TestKit

/// From the event in the queue to the mail at the server.
@Suite(.timeLimit(.minutes(5))) struct MailDeliveryTests {
    @Test func anEventThatComesAgainIsOneMail() async throws {
        try await MailFixture.run { fixture in
            try await MailServer.running { server in
                let events = try MailFixture.userWithMail("ada@example.org")
                await fixture.publish(events + events)
                try await fixture.mailing(to: server.port) {
                    try await eventually("it is there") { server.received.count == 1 }
                    fixture.broker.interrupt()
                    await fixture.publish(events)
                    await fixture.publish(try MailFixture.userWithMail("eve@example.org"))
                    try await eventually("the next is there") { server.received.count == 2 }
                    try await eventually("all is settled") { fixture.isSettled }
                }
                #expect(server.received.map(\.to) == [["ada@example.org"], ["eve@example.org"]])
                #expect(server.received[0].messageID == "<\(events[1].id)@example.net>")
            }
        }
    }

    /// The mail is sent, and the transaction that says so never commits.
    @Test func aTransactionThatIsRolledBackAfterTheMailCostsNoSecondOne() async throws {
        try await MailFixture.run { fixture in
            try await MailServer.running { server in
                let events = try MailFixture.userWithMail("ada@example.org")
                await fixture.publish(events)
                let handler = Mutex<RollingBack?>(nil)
                try await fixture.mailing(
                    to: server.port,
                    wrap: { inner in
                        let wrapped = RollingBack(inner)
                        handler.withLock { $0 = wrapped }
                        return wrapped
                    },
                    {
                        try await eventually("both are handled") { try await fixture.count("inbox") == 2 }
                    })
                #expect(handler.withLock { $0?.rollbacks } == 3)
                try await eventually("the server has told of it") { !server.received.isEmpty }
                #expect(server.received.count == 1)
            }
        }
    }

    @Test func aServerThatIsAwayDelaysAndLosesNothing() async throws {
        let port = try await MailServer.running { $0.port }
        try await MailFixture.run { fixture in
            let addresses = (0..<5).map { "user\($0)@example.org" }
            for address in addresses { await fixture.publish(try MailFixture.userWithMail(address)) }
            try await fixture.mailing(to: port) {
                try await eventually("all are tried") {
                    try await fixture.states() == .init(repeating: "waiting", count: 5)
                }
                try await MailServer.running("--port", "\(port)") { server in
                    try await eventually("all are there") { server.received.count == addresses.count }
                    try await eventually("all is settled") { fixture.isSettled }
                    #expect(server.received.flatMap(\.to).sorted() == addresses)
                }
            }
            #expect(try await fixture.count("dead_letters") == 0)
        }
    }

    @Test func aRefusalThatPassesIsTriedAgain() async throws {
        try await MailFixture.run { fixture in
            try await MailServer.running { server in
                await fixture.publish(try MailFixture.userWithMail("later-451-2@example.org"))
                try await fixture.mailing(to: server.port) {
                    try await eventually("it is there") { server.received.count == 1 }
                    try await eventually("it is settled") { fixture.isSettled }
                }
                #expect(server.received.count == 1)
                let attempts = try await fixture.pool.query("SELECT attempts FROM mail_deliveries").first(
                    as: Int32.self)
                #expect(attempts == 3)
                #expect(try await fixture.count("dead_letters") == 0)
            }
        }
    }

    @Test func aRefusalThatStaysIsParkedAndHoldsNobodyBack() async throws {
        try await MailFixture.run { fixture in
            try await MailServer.running { server in
                await fixture.publish(try MailFixture.userWithMail("rcpt-550@example.org"))
                await fixture.publish(try MailFixture.userWithMail("ada@example.org"))
                try await fixture.mailing(to: server.port) {
                    try await eventually("one is there") { server.received.count == 1 }
                    try await eventually("one is parked") { try await fixture.count("dead_letters") == 1 }
                }
                let (reason, error) = try await fixture.pool.query("SELECT reason, error FROM dead_letters")
                    .first(as: String.self, String.self)
                #expect(reason == "unprocessable")
                #expect(error.contains("550") && !error.contains("example.org"))
                #expect(try await fixture.states() == ["sent"])
            }
        }
    }

    /// Fields and attributes that a later version has added change nothing about the mail.
    @Test func eventsOfALaterVersionGiveTheSameMail() async throws {
        try await MailFixture.run { fixture in
            try await MailServer.running { server in
                let events = try MailFixture.userWithMail("ada@example.org").map(OutboundEvent.init)
                fixture.broker.declare(EventQueues.mail)
                let later = events.map { event in
                    let text = String(decoding: event.body, as: UTF8.self)
                        .replacing(#""data":{"#, with: #""data":{"added_later":{"x":[1]},"#)
                        .replacing(#"{"specversion""#, with: #"{"addedlater":"x","specversion""#)
                    return OutboundEvent(
                        id: event.id, routingKey: event.routingKey, contentType: event.contentType,
                        body: Array(text.utf8))
                }
                #expect(later.allSatisfy { String(decoding: $0.body, as: UTF8.self).contains("added_later") })
                #expect(later.allSatisfy { String(decoding: $0.body, as: UTF8.self).contains("addedlater") })
                #expect(await fixture.broker.publish(later) == [.confirmed, .confirmed])
                try await fixture.mailing(to: server.port) {
                    try await eventually("it is there") { server.received.count == 1 }
                    try await eventually("it is settled") { fixture.isSettled }
                }
                #expect(server.received[0].messageID == "<\(events[1].id)@example.net>")
                #expect(server.received[0].text?.contains("166.50 EUR of 200.00 EUR") == true)
                #expect(try await fixture.count("dead_letters") == 0)
            }
        }
    }

    /// What SMTP leaves open, and why both mails have one Message-ID.
    @Test func anAnswerThatIsLostGivesTheSameMailAgain() async throws {
        try await MailFixture.run { fixture in
            try await MailServer.running { server in
                await fixture.publish(try MailFixture.userWithMail("lost-1@example.org"))
                try await fixture.mailing(to: server.port) {
                    try await eventually("it is there twice") { server.received.count == 2 }
                    try await eventually("it is settled") { fixture.isSettled }
                }
                #expect(server.received[0].messageID == server.received[1].messageID)
                #expect(server.received[0].content == server.received[1].content)
            }
        }
    }
}

extension MailFixture {
    /// Whether the broker has nothing left for the consumer of mails.
    var isSettled: Bool { broker.depth(of: "processor.mail") == 0 && broker.unsettled(of: "processor.mail") == 0 }
}

/// Fails after the inner handler has done its work, a few times.
private final class RollingBack: EventHandler {
    let types: [TopicPattern]
    private let inner: MailHandler
    private let count = Mutex(0)

    init(_ inner: MailHandler) {
        types = inner.types
        self.inner = inner
    }

    var rollbacks: Int { count.withLock { $0 } }

    func handle(_ event: CloudEvent, in transaction: PostgresTransaction) async throws {
        try await inner.handle(event, in: transaction)
        let isOneMore = count.withLock { count in
            guard count < 3 else { return false }
            count += 1
            return true
        }
        if isOneMore { throw HandlerFailure(.transient, "the test rolls back") }
    }
}
