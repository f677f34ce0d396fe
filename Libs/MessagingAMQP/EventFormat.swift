internal import CloudEvents
internal import Messaging

/// How events are written on the wire. Consumers read every one of them, and the batched formats too.
package enum EventFormat: String, Sendable, CaseIterable {
    /// The event in JSON, whole: survives every hop, and any tool can read it.
    case structured
    /// Attributes as headers, the payload as the body.
    case binary
    /// The Protobuf format.
    case protobuf

    /// The same event as this format has it. What is no event in structured JSON stays as it is.
    func written(_ outbound: OutboundEvent) -> OutboundEvent {
        guard self != .structured, outbound.headers.isEmpty, let event = Self.event(in: outbound) else {
            return outbound
        }
        switch self {
        case .structured:
            return outbound
        case .binary:
            let message = CloudEventBinaryMode.encode(event)
            return OutboundEvent(
                id: outbound.id, routingKey: outbound.routingKey, contentType: message.contentType,
                headers: message.headers.map { MessageHeader($0.name, $0.value) }, body: message.body)
        case .protobuf:
            return OutboundEvent(
                id: outbound.id, routingKey: outbound.routingKey, contentType: CloudEventProtobufCodec.contentType,
                body: CloudEventProtobufCodec.encode(event))
        }
    }

    private static func event(in outbound: OutboundEvent) -> CloudEvent? {
        guard outbound.contentType == CloudEventJSONCodec.contentType else { return nil }
        do {
            return try CloudEventJSONCodec.decode(outbound.body)
        } catch {
            // The outbox holds checked events alone; whatever else is handed in is passed on for its reader to judge.
            return nil
        }
    }
}
