/// Which content mode and format a message is in (AMQP Protocol Binding 1.0.2, section 3), and the events in it.
package enum CloudEventMessage {
    /// Reads the events of a message in any mode: one, or any number of a batch.
    ///
    /// - Parameters:
    ///   - contentType: the message's content type, empty when it has none.
    ///   - headers: the message's application headers with their full names.
    ///   - body: the message's bytes.
    package static func decode(
        contentType: String, headers: [(name: String, value: AttributeValue)], body: [UInt8]
    ) throws(CloudEventError) -> [CloudEvent] {
        let essence = MediaType(contentType)?.essence ?? contentType.lowercased()
        switch essence {
        case "application/cloudevents+json":
            return [try CloudEventJSONCodec.decode(body)]
        case "application/cloudevents-batch+json":
            return try CloudEventJSONCodec.decodeBatch(body)
        case CloudEventProtobufCodec.contentType:
            return [try CloudEventProtobufCodec.decode(body)]
        case CloudEventProtobufCodec.batchContentType:
            return try CloudEventProtobufCodec.decodeBatch(body)
        default:
            guard !essence.hasPrefix("application/cloudevents") else {
                throw CloudEventError(.unsupportedFormat, "the event format of the content type is not understood")
            }
            guard CloudEventBinaryMode.isEvent(headerNames: headers.lazy.map(\.name)) else {
                throw CloudEventError(.unsupportedFormat, "the message carries no event")
            }
            return [try CloudEventBinaryMode.decode(contentType: contentType, headers: headers, body: body)]
        }
    }
}
