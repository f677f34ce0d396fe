internal import Tokens

/// Tokens whose signature was verified, so that it is not verified at every request. Bounded: when the young are many, the
/// old are forgotten.
struct VerifiedTokens {
    private let capacity: Int
    private var generation = 0
    private var young: [String: Identity] = [:]
    private var old: [String: Identity] = [:]

    init(capacity: Int) { self.capacity = capacity }

    /// Who bears the token, when it was verified by the keys of this generation.
    mutating func identity(of token: String, generation: Int) -> Identity? {
        if generation != self.generation { forgetAll(generation) }
        if let identity = young[token] { return identity }
        guard let identity = old[token] else { return nil }
        add(token, identity, generation: generation)
        return identity
    }

    /// Keeps a token that was verified by the keys of this generation.
    mutating func add(_ token: String, _ identity: Identity, generation: Int) {
        if generation != self.generation { forgetAll(generation) }
        if young.count >= capacity {
            old = young
            young = [:]
        }
        young[token] = identity
    }

    private mutating func forgetAll(_ generation: Int) {
        self.generation = generation
        young = [:]
        old = [:]
    }
}
