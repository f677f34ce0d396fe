package import Chronology
package import CloudEvents
package import Contracts
package import Messaging
package import Postgres
import FaultPoints

/// Forgets a user when the account is gone, and confirms it by an event of the service's own.
package struct ErasureHandler: EventHandler {
    /// Tells what a service forgets and how.
    package struct Service: Sendable {
        /// The service's name in the source of its events, `expense`.
        package let name: String
        /// A lock that excludes whatever writes data of the user.
        package let lock: @Sendable (UUIDv7) -> PostgresQuery
        /// The statements that delete all data of the user.
        package let erase: @Sendable (UUIDv7) -> [PostgresQuery]
        /// The confirmation for the user, the erasure and the instant.
        package let confirmation: @Sendable (String, String, String) -> any EventPayload

        package init(
            name: String, lock: @escaping @Sendable (UUIDv7) -> PostgresQuery,
            erase: @escaping @Sendable (UUIDv7) -> [PostgresQuery],
            confirmation: @escaping @Sendable (String, String, String) -> any EventPayload
        ) {
            self.name = name
            self.lock = lock
            self.erase = erase
            self.confirmation = confirmation
        }
    }

    package let types = [TopicPattern(UserDeletedV1.type)]
    private let service: Service
    private let outbox: Outbox
    private let clock: any WallClock

    package init(_ service: Service, outbox: Outbox, clock: any WallClock) {
        self.service = service
        self.outbox = outbox
        self.clock = clock
    }

    package func handle(_ event: CloudEvent, in transaction: PostgresTransaction) async throws {
        let payload = try event.payload(UserDeletedV1.self)
        guard let user = try? UUIDv7(parsing: payload.userID) else {
            throw HandlerFailure(.unprocessable, "the event names no user")
        }
        let now = clock.now().truncatedToMilliseconds
        let claimed = try await transaction.batch([
            service.lock(user),
            """
            INSERT INTO erased_users (user_id, erasure_id, erased_at)
            VALUES (\(user), \(payload.erasureID), \(now)) ON CONFLICT DO NOTHING RETURNING 1
            """,
        ])
        // Erased and confirmed before, by an event that the inbox no longer remembers.
        guard !claimed[1].isEmpty else { return }
        let confirmation = try OutboxEvent(
            service.confirmation(payload.userID, payload.erasureID, now.description), service: service.name,
            subject: user, user: user, sequence: 1, time: now)
        _ = try await transaction.batch(
            service.erase(user) + [
                "DELETE FROM dead_letters WHERE partition_key = \(user.description)", outbox.insert([confirmation]),
            ])
        FaultPoint.reached("consumer.after-effect-before-commit")
        outbox.poke()
    }
}
