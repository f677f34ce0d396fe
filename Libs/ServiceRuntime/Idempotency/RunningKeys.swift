import Chronology
import Idempotency
import Synchronization

/// The keys whose calls run in this process; as many as there are such calls.
final class RunningKeys: Sendable {
    private struct Name: Hashable {
        let user: UUIDv7
        let key: String
    }

    private let names = Mutex<Set<Name>>([])

    /// Whether nobody else has the key; then it is the caller's until `leave(_:)`.
    func enter(_ key: IdempotencyKey) -> Bool { names.withLock { $0.insert(Self.name(key)).inserted } }

    func leave(_ key: IdempotencyKey) {
        _ = names.withLock { $0.remove(Self.name(key)) }
    }

    /// Without the fingerprint: a key is one key, whatever it is sent with.
    private static func name(_ key: IdempotencyKey) -> Name {
        Name(user: key.userID, key: key.key)
    }
}
