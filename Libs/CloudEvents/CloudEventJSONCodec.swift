package import JSON

internal import Chronology
internal import WireCodecs

/// The JSON event format and its batch form (CloudEvents JSON Format 1.0.2).
package enum CloudEventJSONCodec {
    /// The media type of one event.
    package static let contentType = "application/cloudevents+json; charset=utf-8"
    /// The media type of several events.
    package static let batchContentType = "application/cloudevents-batch+json; charset=utf-8"

    /// One event as a JSON object.
    package static func encode(_ event: CloudEvent) -> [UInt8] {
        var writer = JSONWriter(capacity: 640 + dataSize(event))
        write(event, to: &writer)
        return writer.bytes
    }

    /// Events as a JSON array.
    package static func encodeBatch(_ events: [CloudEvent]) -> [UInt8] {
        var writer = JSONWriter(capacity: events.reduce(2) { $0 + 640 + dataSize($1) })
        writer.beginArray()
        for event in events { write(event, to: &writer) }
        writer.endArray()
        return writer.bytes
    }

    /// Reads one event.
    ///
    /// Refused beside what the model refuses: attributes twice, values of types that no attribute can have, `data` beside
    /// `data_base64`. Members that are `null` count as absent.
    package static func decode(_ bytes: [UInt8]) throws(CloudEventError) -> CloudEvent {
        try decode(parse(bytes).root)
    }

    /// Reads a batch, the empty one included; one bad event refuses all.
    package static func decodeBatch(_ bytes: [UInt8]) throws(CloudEventError) -> [CloudEvent] {
        let root = try parse(bytes).root
        guard root.kind == .array else { throw CloudEventError(.malformed, "a batch is a JSON array") }
        var events: [CloudEvent] = []
        for element in root.elements { events.append(try decode(element)) }
        return events
    }

    /// Reads one event from a value within a larger text.
    package static func decode(_ value: JSONValue) throws(CloudEventError) -> CloudEvent {
        guard value.kind == .object else { throw CloudEventError(.malformed, "an event is a JSON object") }
        var fields = AttributeFields()
        for member in value.members { try fields.add(member) }
        return try fields.event()
    }

    private static func parse(_ bytes: [UInt8]) throws(CloudEventError) -> JSONDocument {
        do {
            return try JSONDocument(parsing: bytes)
        } catch {
            throw CloudEventError(.malformed, error.description)
        }
    }

    private static func dataSize(_ event: CloudEvent) -> Int {
        switch event.data {
        case .json(let bytes): bytes.count
        case .text(let text): text.utf8.count
        case .binary(let bytes): bytes.count * 4 / 3 + 4
        case nil: 0
        }
    }

    private static func write(_ event: CloudEvent, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("specversion")
        writer.string(CloudEvent.specVersion)
        writer.key("id")
        writer.string(event.id)
        writer.key("source")
        writer.string(event.source)
        writer.key("type")
        writer.string(event.type)
        if let subject = event.subject {
            writer.key("subject")
            writer.string(subject)
        }
        if let time = event.time {
            writer.key("time")
            writer.string(time.attributeText)
        }
        if let contentType = event.dataContentType {
            writer.key("datacontenttype")
            writer.string(contentType)
        }
        if let schema = event.dataSchema {
            writer.key("dataschema")
            writer.string(schema)
        }
        for attribute in event.extensions { write(attribute, to: &writer) }
        write(event.data, to: &writer)
        writer.endObject()
    }

    private static func write(_ attribute: CloudEvent.Extension, to writer: inout JSONWriter) {
        writer.key(text: attribute.name)
        switch attribute.value {
        case .string(let text): writer.string(text)
        case .integer(let value): writer.int(Int64(value))
        case .boolean(let value): writer.bool(value)
        case .binary(let bytes): writer.string(Base64.encode(bytes))
        }
    }

    private static func write(_ data: CloudEvent.Data?, to writer: inout JSONWriter) {
        switch data {
        case .json(let bytes):
            writer.key("data")
            writer.raw(bytes)
        case .text(let text):
            writer.key("data")
            writer.string(text)
        case .binary(let bytes):
            writer.key("data_base64")
            writer.string(Base64.encode(bytes))
        case nil:
            break
        }
    }
}

extension Timestamp {
    /// RFC 3339 with milliseconds, or with microseconds where there are some.
    var attributeText: String {
        microsecondsSinceEpoch % 1000 == 0 ? description : microsecondDescription
    }
}
