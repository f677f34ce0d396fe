package import AuthApplication
package import AuthDomain
package import Chronology
import OneTimeCodes
import Secrets

/// Second factors by liboath. Secrets are sealed under a key that follows from the master key, recovery codes kept as keyed
/// hashes: a copy of the database alone proves nothing.
package struct SealedOneTimePasswords: OneTimePasswords {
    private let box: SecretBox
    private let digestKey: SecretBytes

    package init(masterKey: MasterKey) throws {
        box = try SecretBox(key: masterKey.key(for: "totp-secrets"))
        digestKey = masterKey.key(for: "recovery-codes")
    }

    package func newSecret() -> NewTotpSecret {
        let secret = randomBytes(OneTimeCode.secretBytes)
        return NewTotpSecret(text: Base32.encode(secret), sealed: box.seal(secret))
    }

    package func step(of code: String, sealedSecret: [UInt8], at now: Timestamp) throws -> Int64? {
        try OneTimeCode.step(of: code, secret: box.open(sealedSecret), atSecond: now.secondsSinceEpoch)
    }

    package func newRecoveryCodes() -> [NewRecoveryCode] {
        (0..<RecoveryCode.count).map { _ in
            let code = RecoveryCode(bytes: randomBytes(RecoveryCode.byteCount))
            return NewRecoveryCode(text: code.text, digest: digest(of: code))
        }
    }

    package func digest(of code: RecoveryCode) -> [UInt8] {
        hmacSHA256(Array(code.normalized.utf8), key: digestKey.revealed())
    }
}
