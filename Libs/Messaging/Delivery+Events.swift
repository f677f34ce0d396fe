package import CloudEvents

extension Delivery {
    /// The events in the message, in any mode: one, or any number of a batch.
    package func events() throws(CloudEventError) -> [CloudEvent] {
        try CloudEventMessage.decode(
            contentType: contentType, headers: headers.map { (name: $0.name, value: $0.value) }, body: body)
    }
}
