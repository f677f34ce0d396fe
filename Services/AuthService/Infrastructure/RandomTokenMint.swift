package import AuthApplication
package import Chronology
package import Secrets
import Tokens

/// Tokens from the kernel's random generator: 32 bytes, base64url. Only their SHA-256 is kept.
package struct RandomTokenMint: TokenMint, ApiTokenMint {
    private static let byteCount = 32
    private let sealKey: SealedBox.PublicKey
    private let successorKey: SecretBytes

    /// - Parameters:
    ///   - sealKey: whom one-time tokens are sealed for.
    ///   - masterKey: what the successors of refresh tokens follow from.
    package init(sealKey: SealedBox.PublicKey, masterKey: MasterKey) {
        self.sealKey = sealKey
        successorKey = masterKey.key(for: "refresh-successor")
    }

    package func refreshToken() -> SecretToken { Self.token(randomBytes(Self.byteCount)) }

    package func opaqueToken() -> SecretToken { Self.token(randomBytes(Self.byteCount)) }

    package func successor(of text: String) -> SecretToken? {
        Self.bytes(of: text).map { Self.token(hmacSHA256($0, key: successorKey.revealed())) }
    }

    package func digest(of text: String) -> [UInt8]? { Self.bytes(of: text).map(sha256) }

    package func verificationTicket(expiresAt: Timestamp) throws -> VerificationTicket {
        let token = Self.token(randomBytes(Self.byteCount))
        return VerificationTicket(
            digest: token.digest,
            sealedToken: Base64URL.encode(try SealedBox.seal(Array(token.text.utf8), to: sealKey)),
            expiresAt: expiresAt)
    }

    package func apiToken() -> SecretToken {
        let token = PersonalToken.make()
        return SecretToken(text: token.text, digest: token.digest)
    }

    package func digest(ofApiToken text: String) -> [UInt8]? { PersonalToken(text)?.digest }

    private static func token(_ bytes: [UInt8]) -> SecretToken {
        SecretToken(text: Base64URL.encode(bytes), digest: sha256(bytes))
    }

    private static func bytes(of text: String) -> [UInt8]? {
        do {
            let bytes = try Base64URL.decode(text)
            return bytes.count == byteCount ? bytes : nil
        } catch {
            return nil
        }
    }
}
