import Chronology
import Synchronization

/// Users of whom this process knows that they have budgets: their expenses are not tried in a group first.
///
/// A mere hint, which may be wrong either way; what decides is read under the spending lock.
final class BudgetOwners: Sendable {
    private let limit: Int
    private let owners = Mutex<Set<UUIDv7>>([])

    /// - Parameter limit: how many are remembered; one more, and all are forgotten.
    init(limit: Int = 16_384) { self.limit = limit }

    func contains(_ owner: UUIDv7) -> Bool { owners.withLock { $0.contains(owner) } }

    func insert(_ owner: UUIDv7) {
        owners.withLock { owners in
            if owners.count >= limit { owners.removeAll(keepingCapacity: true) }
            owners.insert(owner)
        }
    }
}
