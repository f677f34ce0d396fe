package import ServiceRuntime
import struct Contracts.ExpenseDataErasedV1

/// What the expense service forgets of a user.
package enum ExpenseErasure {
    /// What it does about the end of an account.
    package static let service = ErasureHandler.Service(
        name: "expense", lock: { ExpenseRepository.spendingLock($0, shared: false) },
        erase: { user in
            [
                "DELETE FROM budgets WHERE owner_id = \(user)", "DELETE FROM expenses WHERE owner_id = \(user)",
                "DELETE FROM categories WHERE owner_id = \(user)",
                "DELETE FROM idempotency_keys WHERE user_id = \(user)",
            ]
        },
        confirmation: { ExpenseDataErasedV1(userID: $0, erasureID: $1, erasedAt: $2) })
}
