package import CloudEvents
package import ExpenseApplication
package import Messaging
package import Postgres
import Chronology
import FaultPoints
import ServiceRuntime
import struct Contracts.UserRegisteredV1

/// Gives each new user the default categories.
package struct UserLifecycleHandler: EventHandler {
    package let types = [TopicPattern(UserRegisteredV1.type)]
    private let categories: Categories

    package init(categories: Categories) {
        self.categories = categories
    }

    package func handle(_ event: CloudEvent, in transaction: PostgresTransaction) async throws {
        let payload = try event.payload(UserRegisteredV1.self)
        guard let user = try? UUIDv7(parsing: payload.userID) else {
            throw HandlerFailure(.unprocessable, "the event names no user")
        }
        let lock = ExpenseRepository.spendingLock(user, shared: true)
        if try await ErasedUsers.contains(user, lock: lock, in: transaction) { return }
        try await ExpenseRepository.insertDefaults(categories.defaults(for: user), in: transaction)
        FaultPoint.reached("consumer.after-effect-before-commit")
    }
}
