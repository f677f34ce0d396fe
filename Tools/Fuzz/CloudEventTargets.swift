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
    ]

    private static func checkRoundTrips(of event: CloudEvent) throws {
        let structured = try CloudEventJSONCodec.decode(CloudEventJSONCodec.encode(event))
        try require(structured == inJSON(event), "structured: \(structured), not \(event)")
        for prefix in CloudEventBinaryMode.Prefix.allCases {
            let message = CloudEventBinaryMode.encode(event, prefix: prefix)
            do {
                let binary = try CloudEventBinaryMode.decode(
                    contentType: message.contentType, headers: message.headers.map { ($0.name, $0.value) },
                    body: message.body)
                let isSame = binary.id == event.id && binary.extensions == event.extensions
                try require(isSame, "binary: \(binary), not \(event)")
            } catch let refusal as CloudEventError {
                // As bytes, what is declared to be JSON may be anything; in this mode it has to be JSON.
                guard case .binary = event.data, event.hasJSONContentType, refusal.code == .invalidData else {
                    throw refusal
                }
            }
        }
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
