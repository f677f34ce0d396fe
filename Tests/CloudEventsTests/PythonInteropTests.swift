import Chronology
import CloudEvents
import Foundation
import JSON
import Testing
import TestKit

/// The PyPI package `cloudevents` reads what is written here, and what it writes is read here.
@Suite(.timeLimit(.minutes(5)))
struct PythonInteropTests {
    @Test func structuredEvents() async throws {
        let events = [
            try florinEvent(), try florinEvent(data: .binary([1, 2, 3])), try florinEvent(data: nil),
            try CloudEvent(
                id: "ü\"\\", source: "/s", type: "t", time: Timestamp(secondsSinceEpoch: 0),
                dataContentType: "text/plain", data: .text("naïve \u{1F4B6}")),
        ]
        let lines = events.map { event -> String in
            var writer = JSONWriter()
            writer.beginObject()
            writer.key("mode")
            writer.string("structured")
            writer.key("body")
            writer.string(String(decoding: CloudEventJSONCodec.encode(event), as: UTF8.self))
            writer.endObject()
            return String(decoding: writer.bytes, as: UTF8.self)
        }
        try expectSame(events, try await read(lines))
    }

    @Test(arguments: [CloudEventBinaryMode.Prefix.colon, .underscore])
    func binaryEvents(prefix: CloudEventBinaryMode.Prefix) async throws {
        let event = try florinEvent()
        let message = CloudEventBinaryMode.encode(event, prefix: prefix)
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("mode")
        writer.string("binary")
        writer.key("content_type")
        writer.string(message.contentType)
        writer.key("headers")
        writer.beginObject()
        for header in message.headers {
            writer.key(text: header.name)
            switch header.value {
            case .string(let text): writer.string(text)
            case .integer(let value): writer.int(Int64(value))
            case .boolean(let value): writer.bool(value)
            case .binary: writer.string("AAH/")
            }
        }
        writer.endObject()
        writer.key("body")
        writer.string(String(decoding: message.body, as: UTF8.self))
        writer.endObject()
        try expectSame([event], try await read([String(decoding: writer.bytes, as: UTF8.self)]))
    }

    private func expectSame(_ events: [CloudEvent], _ lines: [String]) throws {
        try #require(lines.count == events.count)
        for (event, line) in zip(events, lines) {
            let seen = try CloudEventJSONCodec.decode(Array(line.utf8))
            #expect(seen.id == event.id)
            #expect(seen.source == event.source)
            #expect(seen.type == event.type)
            #expect(seen.subject == event.subject)
            #expect(seen.time == event.time)
            #expect(seen.dataContentType == event.dataContentType)
            #expect(seen.dataSchema == event.dataSchema)
            #expect(seen.sequence == event.sequence)
            #expect(seen.partitionKey == event.partitionKey)
            #expect(seen[extension: "unknown"] == event[extension: "unknown"])
            #expect(withoutSpace(seen.data) == withoutSpace(event.data))
        }
    }

    /// What the package reads from messages, one in a line.
    private func read(_ messages: [String]) async throws -> [String] {
        try await PythonJudge.lines("read_events.py", messages)
    }

    private func withoutSpace(_ data: CloudEvent.Data?) -> CloudEvent.Data? {
        guard case .json(let bytes) = data else { return data }
        return .json(bytes.filter { $0 != 0x20 })
    }
}

/// Runs a program of `Tests/Interop/cloudevents`, a message in each line of its input and output.
enum PythonJudge {
    static func lines(_ program: String, _ messages: [String], arguments: [String] = []) async throws -> [String] {
        let result = try await Python.run(
            "cloudevents/" + program, arguments, input: messages.map { $0 + "\n" }.joined())
        try #require(result.status == 0)
        return result.lines
    }
}
