import Chronology
import Contracts
import Foundation
import Messaging
import ProcessorInfrastructure
import ServiceRuntime
import Testing
import TestKit

@Suite struct DeadLetterTests {
    private static let type = "florin.expense.expense_created.v1"

    private static func message(_ body: String) -> OutboundEvent {
        OutboundEvent(
            id: UUIDv7.make().description, routingKey: type, contentType: "application/cloudevents+json",
            body: Array(body.utf8))
    }

    /// An event that the audit trail cannot take: it has no time.
    private static func untimed(subject: String = "s") -> OutboundEvent {
        message(
            """
            {"specversion":"1.0","id":"\(UUIDv7.make())","source":"/x","type":"\(type)","subject":"\(subject)",\
            "data":{"a":"b"}}
            """)
    }

    private func letters(_ processor: ProcessorFixture) -> DeadLetterAPI {
        DeadLetterAPI(
            service: "processor", store: DeadLetterStore(pool: processor.pool), logger: .silent)
    }

    private func park(_ messages: [OutboundEvent], _ processor: ProcessorFixture) async throws {
        try await processor.publish(messages)
        try await processor.auditing {
            try await eventually("all are parked") {
                try await processor.count("dead_letters") == messages.count
            }
        }
    }

    @Test(.timeLimit(.minutes(5))) func whatIsNoEventIsParkedAndOthersGoOn() async throws {
        try await ProcessorFixture.run { processor in
            try await processor.publish([
                Self.message("{\"specversion\":\"1.0\",\n"), Self.untimed(),
                OutboundEvent(try SampleEvents.spent(.make())),
            ])
            try await processor.auditing {
                try await eventually("two are parked") { try await processor.count("dead_letters") == 2 }
                try await eventually("one is recorded") { try await processor.count("audit_entries") == 1 }
            }
            #expect(try await AuditStore(pool: processor.pool).verifyAll().faults == [])
            let page = try await letters(processor).list(DeadLetterQuery()).data
            #expect(Set(page.map(\.reason)) == ["undecodable", "unprocessable"])
            #expect(page.map(\.id) == ["processor-1", "processor-2"])
            #expect(page.allSatisfy { $0.service == "processor" && $0.consumer == "processor.audit" })
        }
    }

    @Test(.timeLimit(.minutes(5))) func whatIsNoJSONIsShownInBase64() async throws {
        try await ProcessorFixture.run { processor in
            let broken = Self.message("{\"specversion\":\"1.0\",\n")
            try await park([broken], processor)
            let shown = try #require(try await letters(processor).show(1))
            #expect(shown.eventBase64.flatMap { Data(base64Encoded: $0) } == Data(broken.body) && shown.event == nil)
            #expect(shown.letter.type == broken.routingKey && shown.letter.subject == nil)
            #expect(shown.letter.attempts == 0 && shown.contentType == "application/cloudevents+json")
            #expect(try await letters(processor).show(4_711) == nil)
        }
    }

    @Test(.timeLimit(.minutes(5))) func whatCannotBeProcessedIsShownWhole() async throws {
        try await ProcessorFixture.run { processor in
            try await park([Self.untimed()], processor)
            let shown = try #require(try await letters(processor).show(1))
            #expect(shown.event?.contains(#""data":{"a":"b"}"#) == true && shown.eventBase64 == nil)
            #expect(shown.letter.error == "the event has no id of version 7 or no time")
        }
    }

    @Test(.timeLimit(.minutes(5))) func longListsAreReadInPages() async throws {
        try await ProcessorFixture.run { processor in
            // A subject of its own each, so that none is parked behind another.
            try await park((0..<101).map { Self.untimed(subject: "\($0)") }, processor)
            var ids: [Int64] = []
            var page: [DeadLetterEntry] = []
            repeat {
                page = try await letters(processor).list(DeadLetterQuery(after: ids.last ?? 0, limit: 50)).data
                ids += page.compactMap { $0.id.split(separator: "-").last.flatMap { Int64($0) } }
            } while page.count == 50
            #expect(ids.count == 101 && ids == Set(ids).sorted())
            #expect(try await letters(processor).groups(DeadLetterQuery()).data.map(\.count) == [101])
        }
    }

    @Test(.timeLimit(.minutes(5))) func decisionsAreCheckedWhereTheyAreMade() async throws {
        try await ProcessorFixture.run { processor in
            try await park([Self.untimed()], processor)
            let api = letters(processor)
            for wrong in [
                DeadLetterDecision(action: "replay"),
                DeadLetterDecision(action: "drop", letterNumbers: [1]),
                DeadLetterDecision(action: "discard", query: DeadLetterQuery(state: "parked")),
                DeadLetterDecision(action: "discard", query: DeadLetterQuery(reason: "boredom")),
                DeadLetterDecision(action: "discard", letterNumbers: [1], query: DeadLetterQuery(subject: "s")),
            ] {
                await #expect(throws: ProblemDetails.self) { try await api.decide(wrong) }
            }
            let dry = try await api.decide(DeadLetterDecision(action: "discard", letterNumbers: [1, 9], dryRun: true))
            #expect(dry.selected == 1 && dry.missing == ["processor-9"] && dry.dryRun)
            #expect(try await processor.count("dead_letters") == 1)
            let done = try await api.decide(
                DeadLetterDecision(action: "discard", query: DeadLetterQuery(reason: "unprocessable", subject: "s")))
            #expect(done.selected == 1 && done.missing == [])
            #expect(try await processor.count("dead_letters") == 0)
        }
    }
}
