internal import Chronology
internal import Synchronization

/// Places of which each user may have so many at a time.
final class UserPlaces: Sendable {
    private let limit: Int
    private let taken = Mutex<[UUIDv7: Int]>([:])

    /// - Parameter limit: of each user.
    init(limit: Int) { self.limit = limit }

    /// A place, which is free again when nobody holds it any more; nil when the user has all.
    func take(for user: UUIDv7) -> Place? {
        let isFree = taken.withLock { taken in
            guard taken[user, default: 0] < limit else { return false }
            taken[user, default: 0] += 1
            return true
        }
        return isFree ? Place(user: user, places: self) : nil
    }

    private func free(_ user: UUIDv7) {
        taken.withLock { taken in
            let rest = taken[user, default: 0] - 1
            taken[user] = rest > 0 ? rest : nil
        }
    }

    /// A place that a user has for as long as it lives.
    final class Place: Sendable {
        private let user: UUIDv7
        private let places: UserPlaces

        fileprivate init(user: UUIDv7, places: UserPlaces) {
            self.user = user
            self.places = places
        }

        deinit { places.free(user) }
    }
}
