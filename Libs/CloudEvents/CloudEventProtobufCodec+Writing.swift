internal import Chronology
internal import WireCodecs

extension CloudEventProtobufCodec {
    /// An event as `io.cloudevents.v1.CloudEvent`. JSON data and text become `text_data`, bytes `binary_data`.
    package static func encode(_ event: CloudEvent) -> [UInt8] {
        var message = ProtobufWriter()
        message.text(1, event.id)
        message.text(2, event.source)
        message.text(3, CloudEvent.specVersion)
        message.text(4, event.type)
        func add(_ name: String, _ value: ProtobufWriter?) {
            guard let value else { return }
            var entry = ProtobufWriter()
            entry.text(1, name)
            entry.bytes(2, value.bytes)
            message.bytes(5, entry.bytes)
        }
        add("datacontenttype", event.dataContentType.map { text(3, $0) })
        add("dataschema", event.dataSchema.map { text(5, $0) })
        add("subject", event.subject.map { text(3, $0) })
        add("time", event.time.map(time))
        for attribute in event.extensions { add(attribute.name, value(attribute.value)) }
        switch event.data {
        case .json(let bytes): message.bytes(7, bytes)
        case .text(let text): message.bytes(7, Array(text.utf8))
        case .binary(let bytes): message.bytes(6, bytes)
        case nil: break
        }
        return message.bytes
    }

    /// A `CloudEventAttributeValue` with text, also when it is empty.
    private static func text(_ field: UInt64, _ text: String) -> ProtobufWriter {
        var value = ProtobufWriter()
        value.bytes(field, Array(text.utf8))
        return value
    }

    private static func value(_ attribute: AttributeValue) -> ProtobufWriter {
        var value = ProtobufWriter()
        switch attribute {
        case .boolean(let flag): value.chosen(1, flag ? 1 : 0)
        // An int32 below zero is written with the bits of an int64 ("Encoding", section on signed integers).
        case .integer(let number): value.chosen(2, UInt64(bitPattern: Int64(number)))
        case .string(let text): value.bytes(3, Array(text.utf8))
        case .binary(let bytes): value.bytes(4, bytes)
        }
        return value
    }

    /// As `ce_timestamp`; as text where a `google.protobuf.Timestamp` does not reach.
    private static func time(_ time: Timestamp) -> ProtobufWriter {
        let (quotient, remainder) = time.microsecondsSinceEpoch.quotientAndRemainder(dividingBy: 1_000_000)
        let seconds = remainder < 0 ? quotient - 1 : quotient
        guard timestampSeconds.contains(seconds) else { return text(3, time.attributeText) }
        var timestamp = ProtobufWriter()
        timestamp.number(1, UInt64(bitPattern: seconds))
        timestamp.number(2, UInt64(remainder < 0 ? remainder + 1_000_000 : remainder) * 1_000)
        var value = ProtobufWriter()
        value.bytes(7, timestamp.bytes)
        return value
    }
}
