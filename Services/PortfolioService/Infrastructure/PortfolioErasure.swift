package import ServiceRuntime
import Chronology
import Postgres
import struct Contracts.PortfolioDataErasedV1

/// What the portfolio service forgets of a user.
package enum PortfolioErasure {
    static let lockClass: Int32 = 1702

    /// Transactions go with their portfolios, prices with their instruments. Portfolios first: whoever records a transaction
    /// holds the lock of its portfolio.
    package static let service = ErasureHandler.Service(
        name: "portfolio", lock: { lock($0, shared: false) },
        erase: { user in
            [
                "DELETE FROM portfolios WHERE owner_id = \(user)", "DELETE FROM instruments WHERE owner_id = \(user)",
                "DELETE FROM idempotency_keys WHERE user_id = \(user)",
            ]
        },
        confirmation: { PortfolioDataErasedV1(userID: $0, erasureID: $1, erasedAt: $2) })

    /// Excludes the erasure of a user, or everything else that brings data of theirs.
    static func lock(_ user: UUIDv7, shared: Bool) -> PostgresQuery {
        shared
            ? "SELECT pg_advisory_xact_lock_shared(\(lockClass), hashtext(\(user.description)))"
            : "SELECT pg_advisory_xact_lock(\(lockClass), hashtext(\(user.description)))"
    }
}
