internal import Tokens

/// Tokens whose signature was verified, so that it is not verified at every request. Bounded: when the young are many, the
/// old are forgotten.
struct VerifiedTokens {
    private let capacity: Int
    private var generation = 0
    private var young: [String: AccessTokenClaims] = [:]
    private var old: [String: AccessTokenClaims] = [:]

    init(capacity: Int) { self.capacity = capacity }

    /// What the token says, when it was verified by the keys of this generation.
    mutating func claims(of token: String, generation: Int) -> AccessTokenClaims? {
        if generation != self.generation { forgetAll(generation) }
        if let claims = young[token] { return claims }
        guard let claims = old[token] else { return nil }
        add(token, claims, generation: generation)
        return claims
    }

    /// Keeps a token that was verified by the keys of this generation.
    mutating func add(_ token: String, _ claims: AccessTokenClaims, generation: Int) {
        if generation != self.generation { forgetAll(generation) }
        if young.count >= capacity {
            old = young
            young = [:]
        }
        young[token] = claims
    }

    private mutating func forgetAll(_ generation: Int) {
        self.generation = generation
        young = [:]
        old = [:]
    }
}
