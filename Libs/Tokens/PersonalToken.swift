internal import Secrets

/// A personal API token as its owner has it: `flp_`, 256 random bits, and a check sum, so that scanners of source code and the
/// gateway can tell a token from a mistyped one without asking.
package struct PersonalToken: Sendable, Hashable {
    /// How every token begins.
    package static let prefix = "flp_"
    private static let secretBytes = 32
    private static let sumBytes = 3

    /// The token: 51 characters.
    package let text: String
    /// SHA-256 of its random bits: what is kept of it. They cannot be guessed, so that nothing slower is called for.
    package let digest: [UInt8]

    /// A new token.
    package static func make() -> PersonalToken {
        let secret = randomBytes(secretBytes)
        return PersonalToken(text: prefix + Base64URL.encode(secret + sum(secret)), digest: sha256(secret))
    }

    /// Reads a token; nil where `text` is none.
    package init?(_ text: String) {
        guard text.hasPrefix(Self.prefix), text.utf8.count == 51,
            let bytes = try? Base64URL.decode(String(text.dropFirst(Self.prefix.count))),
            bytes.count == Self.secretBytes + Self.sumBytes
        else { return nil }
        let secret = Array(bytes.prefix(Self.secretBytes))
        guard Array(bytes.suffix(Self.sumBytes)) == Self.sum(secret) else { return nil }
        self.init(text: text, digest: sha256(secret))
    }

    private init(text: String, digest: [UInt8]) {
        self.text = text
        self.digest = digest
    }

    private static func sum(_ secret: [UInt8]) -> [UInt8] {
        Array(sha256(Array(prefix.utf8) + secret).prefix(sumBytes))
    }
}
