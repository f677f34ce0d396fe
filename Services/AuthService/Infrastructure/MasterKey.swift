package import Secrets

/// The one secret that the service is told (`FLORIN_MASTER_KEY`): everything else that must stay secret is sealed by it or
/// follows from it.
package struct MasterKey: Sendable {
    private let bytes: SecretBytes
    /// Seals the signing keys.
    let box: SecretBox

    /// Reads strict base64 of 32 bytes.
    package init(base64: String) throws(SecretsError) {
        bytes = try SecretBytes(base64: base64, count: SecretBox.keyBytes)
        box = try SecretBox(key: bytes)
    }

    /// A key for one purpose, 32 bytes; keys of different purposes tell nothing of each other or of the master key.
    package func key(for purpose: StaticString) -> SecretBytes {
        SecretBytes(copying: hmacSHA256(Array("florin.auth.\(purpose)".utf8), key: bytes.revealed()))
    }
}
