import AuthApplication
package import AuthDomain
package import Chronology
package import Idempotency
package import Validation
import FaultPoints
import Messaging
import Postgres

extension AuthRepository: ProfileStore {
    package func changeUser(
        _ id: UUIDv7, if precondition: VersionPrecondition,
        receipt: @Sendable (User) throws -> IdempotencyReceipt?,
        _ change: @escaping @Sendable (User) -> User
    ) async throws -> User? {
        let outcome = try await pool.withTransaction { transaction -> (user: User, isChanged: Bool)? in
            let rows = try await transaction.query(
                """
                SELECT \(fragment: User.columns), u.event_sequence FROM users u WHERE u.id = \(id)
                FOR NO KEY UPDATE
                """)
            guard let row = rows.first else { return nil }
            let user = try User(row)
            try precondition.check(user.version)
            let changed = change(user)
            let receipts = try Self.kept(receipt(changed))
            guard changed != user else {
                try await transaction.commit(with: receipts)
                return (user, false)
            }
            let sequence = try row.decode(Int64.self, named: "event_sequence") + 1
            try await transaction.commit(
                with: receipts + [
                    """
                    UPDATE users SET display_name = \(changed.displayName), base_currency = \(changed.baseCurrency.code),
                        locale = \(changed.locale), time_zone = \(changed.timeZone), version = \(changed.version),
                        updated_at = \(changed.updatedAt), event_sequence = \(sequence)
                    WHERE id = \(id)
                    """,
                    outbox.insert([try AuthEvents.userUpdated(changed, sequence: sequence)]),
                ])
            return (changed, true)
        }
        FaultPoint.reached("service.after-commit-before-answer")
        if outcome?.isChanged == true { outbox.poke() }
        return outcome?.user
    }
}
