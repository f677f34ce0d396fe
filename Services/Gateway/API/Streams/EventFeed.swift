internal import Chronology
internal import CloudEvents
internal import Contracts
package import Messaging
package import Observability

/// Hears events from a queue of this process alone: ended sessions for the authenticator, the rest for streams.
package final class EventFeed: Sendable {
    /// Ended sessions, and what the catalogue of events has for the live stream.
    package static let subscription = Subscription(
        queue: "gateway.live",
        bindings: ["florin.auth.sessions_revoked.*", "florin.expense.#", "florin.portfolio.#"],
        durability: .exclusive)

    private let subscriber: any EventSubscriber
    private let revocations: Revocations
    private let streams: EventStreams
    private let logger: Logger

    package init(
        subscriber: any EventSubscriber, revocations: Revocations, streams: EventStreams, logger: Logger
    ) {
        self.subscriber = subscriber
        self.revocations = revocations
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
        let isRevocation = delivery.routingKey == SessionsRevokedV1.type
        // Most events are for somebody who does not listen; with nobody there they need not even be read.
        guard isRevocation || streams.count > 0 else { return }
        do {
            let events = try CloudEventMessage.decode(
                contentType: delivery.contentType, headers: delivery.headers.map { ($0.name, $0.value) },
                body: delivery.body)
            for event in events {
                if event.type == SessionsRevokedV1.type { try revoke(event) } else { show(event) }
            }
        } catch {
            logger.error("event not understood", [.eventType: .string(delivery.routingKey), .error: .error(error)])
        }
    }

    private func show(_ event: CloudEvent) {
        guard case .string(let user)? = event[extension: "partitionkey"], streams.hasStreams(of: user) else { return }
        streams.publish(event.id, ServerSentEvent.frame(event), to: user)
    }

    private func revoke(_ event: CloudEvent) throws {
        let payload = try SessionsRevokedV1(decoding: event.jsonData ?? [])
        for text in payload.sessionIDs {
            let session = try UUIDv7(parsing: text)
            revocations.revoke(session)
            streams.end(session: session, of: payload.userID)
        }
        logger.info("sessions revoked", [.userID: .string(payload.userID), .count: .int(payload.sessionIDs.count)])
    }
}
