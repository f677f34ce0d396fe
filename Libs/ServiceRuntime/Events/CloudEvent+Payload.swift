package import CloudEvents
package import Contracts
package import Messaging

extension CloudEvent {
    /// The event's data as a payload of the contracts, for handlers.
    ///
    /// - Throws: `unprocessable` where there is no such data: the same bytes are refused again.
    package func payload<Payload: EventPayload>(_ type: Payload.Type) throws(HandlerFailure) -> Payload {
        guard let data = jsonData else { throw HandlerFailure(.unprocessable, "the event has no data in JSON") }
        do {
            return try Payload(decoding: data)
        } catch {
            throw HandlerFailure(.unprocessable, error.description)
        }
    }
}
