import Chronology
import Foundation
import Messaging
import ProcessorInfrastructure
import Testing

@Suite struct DeadLetterTests {
    private struct Line: Decodable {
        let id: Int
        let consumer: String
        let type: String
        let subject: String?
        let reason: String
        let attempts: Int
        let error: String
        let content_type: String?
        let event_base64: String?
        let event: Event?

        struct Event: Decodable {
            let id: String
            let data: [String: String]
        }
    }

    private func read(_ line: String) throws -> Line { try JSONDecoder().decode(Line.self, from: Data(line.utf8)) }

    @Test(.timeLimit(.minutes(5))) func whatIsNoEventIsParkedAndOthersGoOn() async throws {
        try await ProcessorFixture.run { processor in
            let user = UUIDv7.make()
            let good = try SampleEvents.spent(user)
            let broken = OutboundEvent(
                id: UUIDv7.make().description, routingKey: "florin.expense.expense_created.v1",
                contentType: "application/cloudevents+json", body: Array("{\"specversion\":\"1.0\",\n".utf8))
            let untimed = OutboundEvent(
                id: UUIDv7.make().description, routingKey: "florin.expense.expense_created.v1",
                contentType: "application/cloudevents+json",
                body: Array(
                    """
                    {"specversion":"1.0","id":"\(UUIDv7.make())","source":"/x","type":"florin.expense.expense_created.v1",\
                    "subject":"s","data":{"a":"b"}}
                    """.utf8))
            try await processor.publish([broken, untimed, OutboundEvent(good)])
            try await processor.auditing {
                try await processor.eventually("two are parked") { try await processor.count("dead_letters") == 2 }
                try await processor.eventually("one is recorded") { try await processor.count("audit_entries") == 1 }
            }
            #expect(try await AuditStore(pool: processor.pool).verifyAll().faults == [])

            let reader = DeadLetterLines(DeadLetterStore(pool: processor.pool))
            var lines: [String] = []
            try await reader.list { lines.append($0) }
            #expect(lines.allSatisfy { !$0.contains("\n") })
            let letters = try lines.map(read)
            #expect(Set(letters.map(\.reason)) == ["undecodable", "unprocessable"])
            #expect(letters.map(\.id) == letters.map(\.id).sorted())
            #expect(letters.allSatisfy { $0.consumer == "processor.audit" && $0.event == nil })

            let undecodable = try #require(letters.first { $0.reason == "undecodable" })
            let shown = try read(try #require(try await reader.show(Int64(undecodable.id))))
            #expect(shown.event_base64.flatMap { Data(base64Encoded: $0) } == Data(broken.body))
            #expect(shown.type == broken.routingKey && shown.subject == nil && shown.attempts == 0)
            #expect(shown.content_type == "application/cloudevents+json")

            let unprocessable = try #require(letters.first { $0.reason == "unprocessable" })
            let whole = try read(try #require(try await reader.show(Int64(unprocessable.id))))
            #expect(whole.event?.data == ["a": "b"])
            #expect(whole.error == "the event has no id of version 7 or no time")
            #expect(try await reader.show(4_711) == nil)
        }
    }

    @Test(.timeLimit(.minutes(5))) func longListsAreReadInPages() async throws {
        try await ProcessorFixture.run { processor in
            let user = UUIDv7.make()
            // Unprocessable each: no time. A subject of its own, so that none is parked behind another.
            let untimed = (0..<501).map { number in
                OutboundEvent(
                    id: UUIDv7.make().description, routingKey: "florin.x.y.v1",
                    contentType: "application/cloudevents+json",
                    body: Array(
                        """
                        {"specversion":"1.0","id":"\(UUIDv7.make())","source":"/x","type":"florin.x.y.v1","subject":"\(number)",\
                        "partitionkey":"\(user)"}
                        """.utf8))
            }
            try await processor.publish(untimed)
            try await processor.auditing {
                try await processor.eventually("all are parked") {
                    try await processor.count("dead_letters") == untimed.count
                }
            }
            var ids: [Int] = []
            try await DeadLetterLines(DeadLetterStore(pool: processor.pool)).list { line in
                if let id = try? read(line).id { ids.append(id) }
            }
            #expect(ids.count == 501 && ids == Set(ids).sorted())
        }
    }
}
