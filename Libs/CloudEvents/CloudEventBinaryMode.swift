internal import Chronology
internal import JSON

/// The binary content mode: attributes as application headers, the payload as the body (AMQP Protocol Binding 1.0.2,
/// section 3.1; its names serve AMQP 0-9-1, which has no binding of its own).
package enum CloudEventBinaryMode {
    /// How attribute names are marked among the headers of a message.
    package enum Prefix: String, Sendable, CaseIterable {
        /// `cloudEvents:type`
        case colon = "cloudEvents:"
        /// `cloudEvents_type`, for clients whose header names allow no colon.
        case underscore = "cloudEvents_"
        /// `ce-type`, as the RabbitMQ binding of Knative and its clients have it.
        case dash = "ce-"
    }

    /// A message that carries one event.
    package struct Message: Sendable, Hashable {
        /// The message's content type: the event's `datacontenttype`, JSON when it has none.
        package let contentType: String
        /// The other attributes, each name with its prefix.
        package let headers: [CloudEvent.Extension]
        /// The payload's bytes; empty when the event has none.
        package let body: [UInt8]
    }

    /// Whether headers are those of an event in binary mode.
    package static func isEvent(headerNames: some Sequence<String>) -> Bool {
        headerNames.contains { attributeName($0) == "specversion" }
    }

    /// An event as headers and body.
    package static func encode(_ event: CloudEvent, prefix: Prefix = .colon) -> Message {
        var headers: [CloudEvent.Extension] = []
        func add(_ name: String, _ value: AttributeValue?) {
            if let value { headers.append(CloudEvent.Extension(prefix.rawValue + name, value)) }
        }
        add("specversion", .string(CloudEvent.specVersion))
        add("id", .string(event.id))
        add("source", .string(event.source))
        add("type", .string(event.type))
        add("subject", event.subject.map { .string($0) })
        add("time", event.time.map { .string($0.attributeText) })
        add("dataschema", event.dataSchema.map { .string($0) })
        for attribute in event.extensions { add(attribute.name, attribute.value) }
        let body: [UInt8] =
            switch event.data {
            case .json(let bytes), .binary(let bytes): bytes
            case .text(let text): Array(text.utf8)
            case nil: []
            }
        return Message(contentType: event.dataContentType ?? "application/json", headers: headers, body: body)
    }

    /// Reads an event from a message; headers without a known prefix are not its attributes.
    ///
    /// - Parameters:
    ///   - contentType: the message's content type, empty when it has none.
    ///   - headers: the message's headers with their full names.
    ///   - body: the payload; empty means none.
    package static func decode(
        contentType: String, headers: some Sequence<(name: String, value: AttributeValue)>, body: [UInt8]
    ) throws(CloudEventError) -> CloudEvent {
        var fields = AttributeFields()
        for header in headers {
            guard let name = attributeName(header.name) else { continue }
            // The content type of the message is this attribute; a second one could only contradict it.
            guard name != "datacontenttype", name != "data" else {
                throw CloudEventError(.invalidAttribute, attribute: name, "is not a header in binary mode")
            }
            try fields.add(name: name, value: header.value)
        }
        let declared = contentType.isEmpty ? nil : contentType
        return try fields.event(contentType: declared, data: try data(body, contentType: declared))
    }

    private static func attributeName(_ header: String) -> String? {
        for prefix in Prefix.allCases where header.hasPrefix(prefix.rawValue) {
            return String(header.dropFirst(prefix.rawValue.count))
        }
        return nil
    }

    private static func data(_ body: [UInt8], contentType: String?) throws(CloudEventError) -> CloudEvent.Data? {
        guard !body.isEmpty else { return nil }
        guard contentType.map({ MediaType($0)?.isJSON ?? false }) ?? true else { return .binary(body) }
        do {
            _ = try JSONDocument(parsing: body)
        } catch {
            throw CloudEventError(.invalidData, attribute: "data", error.description)
        }
        return .json(body)
    }
}
