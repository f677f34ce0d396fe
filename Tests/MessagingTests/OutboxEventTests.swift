import Chronology
import CloudEvents
import Messaging
import Observability
import Testing

/// What may enter an outbox, and what the event says about its origin.
struct OutboxEventTests {
    private func make(
        type: String = "florin.test.happened.v1", source: String = "/florin/test", subject: String = "s",
        partitionKey: String = "p", sequence: Int64 = 1, data: String = "{}", context: EventContext? = nil,
        trace: TraceContext? = nil
    ) throws -> OutboxEvent {
        try OutboxEvent(
            type: type, source: source, subject: subject, partitionKey: partitionKey, sequence: sequence,
            time: Timestamp(secondsSinceEpoch: 1), dataSchema: "urn:florin:event:test:happened:v1",
            data: Array(data.utf8), context: context, trace: trace)
    }

    @Test func carriesWhatFlorinAsksOfAnEvent() throws {
        let event = try make(sequence: 12).event
        #expect(event.partitionKey == "p")
        #expect(event.sequence == 12)
        #expect(event[extension: "sequence"] == .string("00000000000000000012"))
        #expect(event.dataContentType == "application/json")
        #expect(event.data == .json(Array("{}".utf8)))
    }

    @Test func refusesWhatConsumersWouldHaveToRefuse() {
        let bad: [(String, () throws -> OutboxEvent)] = [
            ("sequence", { try make(sequence: 0) }), ("partitionkey", { try make(partitionKey: "") }),
            ("type", { try make(type: "") }), ("type", { try make(type: String(repeating: "x", count: 256)) }),
            ("source", { try make(source: "not a uri") }), ("subject", { try make(subject: "") }),
            ("data", { try make(data: "{") }), ("data", { try make(data: "") }),
            ("correlationid", { try make(context: EventContext(requestID: "bad\nid")) }),
        ]
        for (attribute, make) in bad {
            let error = #expect(throws: CloudEventError.self) { try make() }
            #expect(error?.attribute == attribute)
        }
    }

    @Test func theFirstEventOfAChainIsItsOwnOrigin() throws {
        let first = try make()
        #expect(first.event.correlationID == first.id.description)
        #expect(first.event.causationID == nil)
        #expect(first.event.traceparent == nil)
    }

    @Test func contextAndTraceOfTheTaskAreTakenUp() async throws {
        let trace = try #require(
            TraceContext(traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate: "a=b"))
        let event = try TraceContext.$current.withValue(trace) {
            try EventContext.$current.withValue(EventContext(correlationID: "c", causationID: "d")) {
                try OutboxEvent(
                    type: "t", source: "/s", subject: "s", partitionKey: "p", sequence: 1,
                    time: Timestamp(secondsSinceEpoch: 1), dataSchema: "urn:x", data: Array("1".utf8)
                ).event
            }
        }
        #expect(event.correlationID == "c")
        #expect(event.causationID == "d")
        #expect(event.traceparent == trace.traceparent)
        #expect(event.tracestate == "a=b")
    }
}

/// What an inbox knows events by.
struct EventIdentityTests {
    private func identity(_ id: String, source: String = "/s") throws -> String {
        EventIdentity(of: try CloudEvent(id: id, source: source, type: "t")).description
    }

    @Test func anIdentifierThatIsAUUIDStaysOne() throws {
        #expect(try identity("019AA1B2-0000-7000-8000-000000000001") == "019aa1b2-0000-7000-8000-000000000001")
        #expect(try identity("6e8bc430-9c3a-11d9-9669-0800200c9a66") == "6e8bc430-9c3a-11d9-9669-0800200c9a66")
    }

    @Test func anyOtherIsDrawnFromSourceAndIdentifier() throws {
        let derived = try identity("A234-1234-1234")
        let characters = Array(derived)
        #expect(characters.count == 36 && characters[14] == "8" && "89ab".contains(characters[19]))
        #expect(try identity("A234-1234-1234") == derived)
        #expect(try identity("A234-1234-1235") != derived)
        #expect(try identity("A234-1234-1234", source: "/t") != derived)
        #expect(try identity("b", source: "/a") != identity("/ab", source: "/"))
        #expect(try identity("019aa1b2-0000-7000-8000-00000000000g").count == 36)
    }
}
