internal import Synchronization

/// The keys that tokens are verified with now; whoever hears of newer ones replaces them, while others verify.
package final class KeySet: Sendable {
    private let keys: Mutex<[String: RSAPublicKey]>

    /// Starts with these keys, or none.
    package init(_ jwks: JWKS = JWKS([])) {
        keys = Mutex(Self.byID(jwks))
    }

    /// Forgets all keys and knows these.
    ///
    /// A key that stays the same keeps its prepared contexts.
    package func replace(with jwks: JWKS) {
        keys.withLock { keys in
            let known = keys
            keys = Self.byID(jwks).reduce(into: [:]) { result, entry in
                let kept = known[entry.key].flatMap { $0 == entry.value ? $0 : nil }
                result[entry.key] = kept ?? entry.value
            }
        }
    }

    /// The key of this `kid`; nil when it is not known, or not any more.
    package subscript(id id: String) -> RSAPublicKey? {
        keys.withLock { $0[id] }
    }

    /// Whether no key is known, so that no token can be verified.
    package var isEmpty: Bool { keys.withLock { $0.isEmpty } }

    /// The names of the keys, in order.
    package var ids: [String] { keys.withLock { $0.keys.sorted() } }

    private static func byID(_ jwks: JWKS) -> [String: RSAPublicKey] {
        Dictionary(jwks.keys.map { ($0.id, $0.publicKey) }) { first, _ in first }
    }
}
