internal import CloudEvents
internal import Contracts
package import Messaging
package import Observability

/// Hears events from a queue of this process alone: what ends or changes access for the authenticator, the rest for streams.
package final class EventFeed: Sendable {
    /// What ends or changes access, and what the catalogue of events has for the live stream.
    package static let subscription = Subscription(
        queue: "gateway.live",
        bindings: [
            "florin.auth.sessions_revoked.*", "florin.auth.user_updated.*", "florin.auth.user_deleted.*",
            "florin.auth.api_token_revoked.*", "florin.expense.#", "florin.portfolio.#",
        ],
        durability: .exclusive)

    private let subscriber: any EventSubscriber
    private static let accessTypes: Set = [
        SessionsRevokedV1.type, UserUpdatedV1.type, UserDeletedV1.type, ApiTokenRevokedV1.type,
    ]

    private let access: AccessEvents
    private let streams: EventStreams
    private let logger: Logger

    package init(
        subscriber: any EventSubscriber, access: AccessEvents, streams: EventStreams, logger: Logger
    ) {
        self.subscriber = subscriber
        self.access = access
        self.streams = streams
        self.logger = logger.with([.component: "event-feed"])
    }

    /// Hears until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            for await delivery in subscriber.deliveries(from: Self.subscription) {
                take(delivery)
                delivery.ack()
            }
        }
    }

    private func take(_ delivery: Delivery) {
        let isAboutAccess = Self.accessTypes.contains(delivery.routingKey)
        // Most events are for somebody who does not listen; with nobody there they need not even be read.
        guard isAboutAccess || streams.count > 0 else { return }
        do {
            let events = try CloudEventMessage.decode(
                contentType: delivery.contentType, headers: delivery.headers.map { ($0.name, $0.value) },
                body: delivery.body)
            for event in events {
                if Self.accessTypes.contains(event.type) { try access.take(event) } else { show(event) }
            }
        } catch {
            logger.error("event not understood", [.eventType: .string(delivery.routingKey), .error: .error(error)])
        }
    }

    private func show(_ event: CloudEvent) {
        guard case .string(let user)? = event[extension: "partitionkey"], streams.hasStreams(of: user) else { return }
        streams.publish(event.id, ServerSentEvent.frame(event), to: user)
    }
}
