internal import CloudEvents
internal import Foundation
internal import JSON

extension FuzzTarget {
    /// The CloudEvents readers: an accepted event is the same after it was written and read, in every mode.
    static let cloudEvents = [
        FuzzTarget("cloudevents-structured") { input in
            guard let event = accepted({ () throws(CloudEventError) in try CloudEventJSONCodec.decode(input) }) else {
                return
            }
            try checkRoundTrips(of: event)
        },
        FuzzTarget("cloudevents-batch") { input in
            guard let events = accepted({ () throws(CloudEventError) in try CloudEventJSONCodec.decodeBatch(input) })
            else { return }
            let again = try CloudEventJSONCodec.decodeBatch(CloudEventJSONCodec.encodeBatch(events))
            try require(again == events, "the batch is another one: \(again), not \(events)")
        },
        FuzzTarget("cloudevents-message") { input in
            let message = WrittenMessage(input)
            let read = accepted { () throws(CloudEventError) in
                try CloudEventMessage.decode(
                    contentType: message.contentType, headers: message.headers, body: message.body)
            }
            for event in read ?? [] { try checkRoundTrips(of: event) }
        },
        FuzzTarget("cloudevents-protobuf") { input in
            let events = accepted { () throws(CloudEventError) in try CloudEventProtobufCodec.decodeBatch(input) }
            let event = accepted { () throws(CloudEventError) in try CloudEventProtobufCodec.decode(input) }
            for event in (events ?? []) + [event].compactMap(\.self) {
                try checkRoundTrips(of: event)
                let bytes = CloudEventProtobufCodec.encode(event)
                let read = accepted { () throws(CloudEventError) in try CloudEventProtobufCodec.decode(bytes) }
                guard let read else { continue }
                // What is written is the same whatever way the same event came.
                try require(CloudEventProtobufCodec.encode(read).count == bytes.count, "written anew: \(read)")
            }
        },
    ]

    private static func checkRoundTrips(of event: CloudEvent) throws {
        let structured = try CloudEventJSONCodec.decode(CloudEventJSONCodec.encode(event))
        try require(structured == inJSON(event), "structured: \(structured), not \(event)")
        do {
            let protobuf = try CloudEventProtobufCodec.decode(CloudEventProtobufCodec.encode(event))
            let isSame = try protobuf == inProtobuf(event)
            try require(isSame, "protobuf: \(protobuf), not \(event)")
        } catch let refusal as CloudEventError {
            try requireBytesThatAreNoJSON(event, refusal)
        }
        for prefix in CloudEventBinaryMode.Prefix.allCases {
            let message = CloudEventBinaryMode.encode(event, prefix: prefix)
            do {
                let binary = try CloudEventBinaryMode.decode(
                    contentType: message.contentType, headers: message.headers.map { ($0.name, $0.value) },
                    body: message.body)
                let isSame = binary.id == event.id && binary.extensions == event.extensions
                try require(isSame, "binary: \(binary), not \(event)")
            } catch let refusal as CloudEventError {
                try requireBytesThatAreNoJSON(event, refusal)
            }
        }
    }

    /// As bytes, what is declared to be JSON may be anything; in the other modes it has to be JSON.
    private static func requireBytesThatAreNoJSON(_ event: CloudEvent, _ refusal: CloudEventError) throws {
        guard case .binary = event.data, event.hasJSONContentType, refusal.code == .invalidData else { throw refusal }
    }

    /// The event as the Protobuf format carries it: bytes that are declared to be JSON are JSON there.
    private static func inProtobuf(_ event: CloudEvent) throws -> CloudEvent {
        guard case .binary(let bytes) = event.data, event.hasJSONContentType, event.dataContentType != nil else {
            return event
        }
        return try CloudEvent(
            id: event.id, source: event.source, type: event.type, subject: event.subject, time: event.time,
            dataContentType: event.dataContentType, dataSchema: event.dataSchema, extensions: event.extensions,
            data: .json(bytes))
    }

    /// The event as the JSON format carries it: it has no byte sequences, so these become base64 text, and the space
    /// around JSON data is not part of it.
    private static func inJSON(_ event: CloudEvent) throws -> CloudEvent {
        let extensions = event.extensions.map { attribute in
            guard case .binary(let bytes) = attribute.value else { return attribute }
            return CloudEvent.Extension(attribute.name, .string(Data(bytes).base64EncodedString()))
        }
        var data = event.data
        if case .json(let bytes) = data { data = .json(try JSONDocument(parsing: bytes).root.sourceBytes) }
        return try CloudEvent(
            id: event.id, source: event.source, type: event.type, subject: event.subject, time: event.time,
            dataContentType: event.dataContentType, dataSchema: event.dataSchema, extensions: extensions,
            data: data)
    }
}

/// A message written as text: the content type, a line for each header (`name=value`, with a letter for the type of the
/// value after the name), an empty line, the body.
private struct WrittenMessage {
    var contentType = ""
    var headers: [(name: String, value: AttributeValue)] = []
    var body: [UInt8] = []

    init(_ bytes: [UInt8]) {
        var (line, rest) = bytes.split(atFirst: 0x0A)
        contentType = line.text
        while !rest.isEmpty {
            (line, rest) = rest.split(atFirst: 0x0A)
            if line.isEmpty { break }
            let (name, value) = line.split(atFirst: UInt8(ascii: "="))
            headers.append((String(name.text.dropLast()), Self.value(value, kind: name.last)))
        }
        body = rest
    }

    private static func value(_ bytes: [UInt8], kind: UInt8?) -> AttributeValue {
        switch kind {
        case UInt8(ascii: "i"): .integer(Int32(bytes.text) ?? -1)
        case UInt8(ascii: "b"): .boolean(bytes == Array("true".utf8))
        case UInt8(ascii: "x"): .binary(bytes)
        default: .string(bytes.text)
        }
    }
}
