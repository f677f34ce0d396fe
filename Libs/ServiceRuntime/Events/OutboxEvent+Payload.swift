package import Chronology
package import Contracts
package import Messaging

extension OutboxEvent {
    /// The event that carries a payload of the contracts, in the trace and context of the work that emits it.
    ///
    /// - Parameters:
    ///   - service: the emitting service, `auth`; the event's source is `/florin/auth`.
    ///   - subject: the aggregate it happened to.
    ///   - user: whose event it is: the partition key.
    ///   - sequence: the place among the events of the subject, from 1 without gaps.
    ///   - time: when it happened.
    /// - Throws: `ContractError` where the payload breaks its schema, `CloudEventError` where an attribute is at fault.
    package init(
        _ payload: some EventPayload, service: String, subject: UUIDv7, user: UUIDv7, sequence: Int64, time: Timestamp
    ) throws {
        let payloadType = type(of: payload)
        try self.init(
            type: payloadType.type, source: "/florin/\(service)", subject: subject.description,
            partitionKey: user.description, sequence: sequence, time: time, dataSchema: payloadType.dataSchema,
            data: try payload.encoded())
    }
}
