internal import Chronology
internal import JSON
internal import WireCodecs

/// Reads and writes the Protobuf event format (CloudEvents Protobuf Format 1.0.2, messages of `io.cloudevents.v1`).
package enum CloudEventProtobufCodec {
    /// The media type of one event.
    package static let contentType = "application/cloudevents+protobuf"
    /// The media type of several events.
    package static let batchContentType = "application/cloudevents-batch+protobuf"

    /// Reads one event, `io.cloudevents.v1.CloudEvent`.
    ///
    /// Text or bytes of a JSON content type become JSON data and must be JSON; so must text without a content type. A
    /// `proto_data` becomes the bytes of the message in it, of `application/protobuf` unless the event says otherwise.
    /// Timestamps become text, to the microsecond. Attributes that are there twice are refused.
    package static func decode(_ bytes: [UInt8]) throws(CloudEventError) -> CloudEvent {
        try decode(bytes[...])
    }

    /// Reads a batch, `io.cloudevents.v1.CloudEventBatch`, the empty one included; one bad event refuses all.
    package static func decodeBatch(_ bytes: [UInt8]) throws(CloudEventError) -> [CloudEvent] {
        var reader = ProtobufReader(bytes[...])
        var events: [CloudEvent] = []
        while let field = try reader.field() {
            if field.number == 1 { events.append(try decode(try field.value.requireBytes())) }
        }
        return events
    }

    private enum Payload {
        case binary(ArraySlice<UInt8>)
        case text(String)
        case message(ArraySlice<UInt8>)
    }

    private static func decode(_ bytes: ArraySlice<UInt8>) throws(CloudEventError) -> CloudEvent {
        var reader = ProtobufReader(bytes)
        var core: [UInt64: String] = [:]
        var fields = AttributeFields()
        var payload: Payload?
        while let (number, value) = try reader.field() {
            switch number {
            case 1...4: core[number] = try value.requireText()
            case 5: try addAttribute(try value.requireBytes(), to: &fields)
            // A oneof: the last one counts.
            case 6: payload = .binary(try value.requireBytes())
            case 7: payload = .text(try value.requireText())
            case 8: payload = .message(try message(of: try value.requireBytes()))
            default: break
            }
        }
        for (number, name) in [(1, "id"), (2, "source"), (3, "specversion"), (4, "type")] as [(UInt64, String)] {
            // Version 3 of the language cannot tell an empty string from an absent one.
            if let text = core[number], !text.isEmpty { try fields.add(name: name, value: .string(text)) }
        }
        let contentType = fields.contentType
        if case .message(let bytes) = payload {
            return try fields.event(contentType: contentType ?? "application/protobuf", data: .binary(Array(bytes)))
        }
        return try fields.event(contentType: contentType, data: try data(payload, contentType: contentType))
    }

    private static func data(_ payload: Payload?, contentType: String?) throws(CloudEventError) -> CloudEvent.Data? {
        let isJSON = contentType.map { MediaType($0)?.isJSON ?? false }
        switch payload {
        case .text(let text):
            // Nothing in Florin takes a NUL: neither the reader of JSON, which the event may become, nor the database.
            guard !text.utf8.contains(0) else {
                throw CloudEventError(.invalidData, attribute: "data", "must not contain NUL")
            }
            return isJSON ?? true ? try json(Array(text.utf8)) : .text(text)
        case .binary(let bytes):
            return isJSON ?? false ? try json(Array(bytes)) : .binary(Array(bytes))
        case .message(let bytes):
            return .binary(Array(bytes))
        case nil:
            return nil
        }
    }

    private static func json(_ bytes: [UInt8]) throws(CloudEventError) -> CloudEvent.Data {
        do {
            _ = try JSONDocument(parsing: bytes)
        } catch {
            throw CloudEventError(.invalidData, attribute: "data", error.description)
        }
        return .json(bytes)
    }

    /// The bytes in a `google.protobuf.Any`.
    private static func message(of bytes: ArraySlice<UInt8>) throws(CloudEventError) -> ArraySlice<UInt8> {
        var reader = ProtobufReader(bytes)
        var message: ArraySlice<UInt8> = []
        while let (number, value) = try reader.field() {
            if number == 2 { message = try value.requireBytes() }
        }
        return message
    }

    /// An entry of the map `attributes`.
    private static func addAttribute(
        _ entry: ArraySlice<UInt8>, to fields: inout AttributeFields
    ) throws(CloudEventError) {
        var reader = ProtobufReader(entry)
        var name = ""
        var attribute: AttributeValue?
        while let (number, value) = try reader.field() {
            switch number {
            case 1: name = try value.requireText()
            case 2: attribute = try attributeValue(try value.requireBytes())
            default: break
            }
        }
        guard let attribute else { throw CloudEventError(.malformed, "an attribute has no value") }
        try fields.add(name: name, value: attribute)
    }

    private static func attributeValue(_ bytes: ArraySlice<UInt8>) throws(CloudEventError) -> AttributeValue? {
        var reader = ProtobufReader(bytes)
        var attribute: AttributeValue?
        while let (number, value) = try reader.field() {
            switch number {
            case 1: attribute = .boolean(try value.requireVarint() != 0)
            case 2: attribute = .integer(Int32(truncatingIfNeeded: try value.requireVarint()))
            case 3, 5, 6: attribute = .string(try value.requireText())
            case 4: attribute = .binary(Array(try value.requireBytes()))
            case 7: attribute = .string(try timestamp(try value.requireBytes()).attributeText)
            default: break
            }
        }
        return attribute
    }

    /// The range of a `google.protobuf.Timestamp`: the years 1 to 9999.
    static let timestampSeconds: ClosedRange<Int64> = -62_135_596_800...253_402_300_799

    /// A `google.protobuf.Timestamp`.
    private static func timestamp(_ bytes: ArraySlice<UInt8>) throws(CloudEventError) -> Timestamp {
        var reader = ProtobufReader(bytes)
        var seconds: Int64 = 0
        var nanoseconds: Int64 = 0
        while let (number, value) = try reader.field() {
            switch number {
            case 1: seconds = Int64(bitPattern: try value.requireVarint())
            case 2: nanoseconds = Int64(bitPattern: try value.requireVarint())
            default: break
            }
        }
        guard timestampSeconds.contains(seconds), (0..<1_000_000_000).contains(nanoseconds) else {
            throw CloudEventError(.malformed, "a timestamp is out of range")
        }
        return Timestamp(microsecondsSinceEpoch: seconds * 1_000_000 + nanoseconds / 1_000)
    }
}
