package import CloudEvents
package import Messaging

/// What producers of other versions make of an event; whoever handles the present one has to handle it just so.
package enum ProducerVersion: String, Sendable, CaseIterable {
    /// As it is.
    case present
    /// A later one, with a field in the data that nobody here knows, and a value that is an object.
    case laterData
    /// A later one, with attributes that nobody here knows.
    case laterAttributes
    /// An earlier one, from before the attributes that tell where an event comes from.
    case earlierAttributes

    private static let addedSince: Set<String> = ["correlationid", "causationid", "traceparent", "tracestate"]

    /// The message that such a producer sends.
    ///
    /// - Parameter event: one whose data is an object in JSON.
    package func message(_ event: CloudEvent) throws(CloudEventError) -> OutboundEvent {
        switch self {
        case .present:
            return OutboundEvent(structured: event)
        case .laterData:
            let text = String(decoding: event.jsonData ?? [], as: UTF8.self)
            let rest = text.dropFirst().drop { $0.isWhitespace }
            let added = #"{"added_later":{"x":[1,null]}"# + (rest.first == "}" ? "" : ",") + rest
            return OutboundEvent(
                structured: try event.with(extensions: event.extensions, data: .json(Array(added.utf8))))
        case .laterAttributes:
            let added: [CloudEvent.Extension] = [
                .init("addedtext", .string("x")), .init("addednumber", .integer(-7)),
                .init("addedflag", .boolean(true)),
            ]
            return OutboundEvent(structured: try event.with(extensions: event.extensions + added, data: event.data))
        case .earlierAttributes:
            let kept = event.extensions.filter { !Self.addedSince.contains($0.name) }
            return OutboundEvent(structured: try event.with(extensions: kept, data: event.data, dataSchema: nil))
        }
    }
}

/// What no version of a producer sends, and a consumer has to put aside.
package enum ForeignMessage: String, Sendable, CaseIterable {
    /// Nothing that is an event.
    case noEvent
    /// An event of another specification of CloudEvents.
    case otherSpecification
    /// An event of the right type whose data lacks all that the type requires.
    case otherData

    /// Why it is put aside by a handler that reads the data.
    package var reason: DeadLetterReason {
        switch self {
        case .noEvent, .otherSpecification: .undecodable
        case .otherData: .unprocessable
        }
    }

    /// The message, on the way that events of this one's type go.
    package func message(_ event: CloudEvent) throws(CloudEventError) -> OutboundEvent {
        switch self {
        case .noEvent:
            OutboundEvent(
                id: event.id, routingKey: event.type, contentType: CloudEventJSONCodec.contentType,
                body: Array("{\"no\":\"\(event.id)\"}".utf8))
        case .otherSpecification:
            OutboundEvent(
                id: event.id, routingKey: event.type, contentType: CloudEventJSONCodec.contentType,
                body: Array(
                    String(decoding: CloudEventJSONCodec.encode(event), as: UTF8.self)
                        .replacing(#""specversion":"1.0""#, with: #""specversion":"2.0""#).utf8))
        case .otherData:
            OutboundEvent(
                structured: try event.with(extensions: event.extensions, data: .json(Array(#"{"other":true}"#.utf8))))
        }
    }
}

extension CloudEvent {
    fileprivate func with(
        extensions: [CloudEvent.Extension], data: CloudEvent.Data?, dataSchema: String?? = .none
    ) throws(CloudEventError) -> CloudEvent {
        try CloudEvent(
            id: id, source: source, type: type, subject: subject, time: time, dataContentType: dataContentType,
            dataSchema: dataSchema ?? self.dataSchema, extensions: extensions, data: data)
    }
}

extension OutboundEvent {
    /// The event in structured JSON, as the relay publishes it.
    package init(structured event: CloudEvent) {
        self.init(
            id: event.id, routingKey: event.type, contentType: CloudEventJSONCodec.contentType,
            body: CloudEventJSONCodec.encode(event))
    }
}
