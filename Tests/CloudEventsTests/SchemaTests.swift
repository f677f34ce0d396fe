import Chronology
import CloudEvents
import JSON
import Testing

/// What is written here keeps the rules of the JSON format as a JSON schema has them, judged by the PyPI package jsonschema.
@Suite(.timeLimit(.minutes(5)))
struct SchemaTests {
    @Test func structuredEventsAreValid() async throws {
        let events = [
            try florinEvent(), try florinEvent(data: nil), try florinEvent(data: .binary([0, 1, 255])),
            try florinEvent(data: .json(Array("null".utf8))), try florinEvent(data: .json(Array("[1]".utf8))),
            try CloudEvent(id: "1", source: "/s", type: "t"),
            try CloudEvent(
                id: "ü\"\\", source: "urn:x:y", type: "t", subject: " ", time: Timestamp(microsecondsSinceEpoch: 1),
                dataContentType: "text/plain; charset=utf-8", data: .text("naïve \u{1F4B6} \u{7}")),
            try CloudEvent(
                id: "1", source: "../s?a=b#c", type: "t",
                extensions: [.init("least", .integer(.min)), .init("empty", .string("")), .init("none", .binary([]))]),
        ]
        let verdicts = try await judge(
            events.map { String(decoding: CloudEventJSONCodec.encode($0), as: UTF8.self) })
        #expect(verdicts == Array(repeating: "valid", count: events.count))
    }

    @Test func elementsOfABatchAreValid() async throws {
        let batch = try JSONDocument(
            parsing: CloudEventJSONCodec.encodeBatch([try florinEvent(), try florinEvent(data: nil)]))
        let lines = batch.root.elements.map { String(decoding: $0.sourceBytes, as: UTF8.self) }
        #expect(try await judge(lines) == ["valid", "valid"])
    }

    /// The judge and the reader agree on what is no event.
    @Test func whatTheSchemaRefusesIsRefusedHere() async throws {
        let core = #""specversion":"1.0","id":"1","source":"/s","type":"t""#
        let broken = [
            "{}", "[]", #"{"specversion":"1.1","id":"1","source":"/s","type":"t"}"#,
            #"{"specversion":"1.0","id":"","source":"/s","type":"t"}"#, #"{"specversion":"1.0","id":"1","type":"t"}"#,
            #"{"specversion":"1.0","id":1,"source":"/s","type":"t"}"#, "{\(core),\"Upper\":\"x\"}",
            "{\(core),\"with_line\":\"x\"}", "{\(core),\"big\":2147483648}", "{\(core),\"fraction\":1.5}",
            "{\(core),\"object\":{}}", "{\(core),\"time\":\"yesterday\"}", "{\(core),\"datacontenttype\":\"json\"}",
            "{\(core),\"dataschema\":\"relative\"}", "{\(core),\"data_base64\":\"?\"}",
            "{\(core),\"data\":1,\"data_base64\":\"AA==\"}", "{\(core),\"datacontenttype\":\"text/xml\",\"data\":{}}",
            "{\(core),\"subject\":\"\"}",
        ]
        for (line, verdict) in zip(broken, try await judge(broken)) {
            #expect(verdict != "valid", "\(line)")
            #expect(throws: CloudEventError.self, "\(line)") { try CloudEventJSONCodec.decode(Array(line.utf8)) }
        }
    }

    private func judge(_ lines: [String]) async throws -> [String] {
        try await PythonJudge.lines("validate.py", lines)
    }
}
