/// Names the keys that verify access tokens.
package struct GetKeySet: Sendable {
    private let accessTokens: any AccessTokens

    package init(accessTokens: any AccessTokens) {
        self.accessTokens = accessTokens
    }

    /// - Throws: `AuthRefusal.keysUnavailable` before there is one: an empty set would be kept by whoever asks.
    package func callAsFunction() throws(AuthRefusal) -> [PublishedKey] {
        let keys = accessTokens.publishedKeys
        if keys.isEmpty { throw .keysUnavailable }
        return keys
    }
}
