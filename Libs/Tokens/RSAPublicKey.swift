internal import COpenSSL
internal import Secrets
internal import Synchronization

/// An RSA key that verifies RS256 signatures (RFC 7518, section 3.3).
package final class RSAPublicKey: Sendable {
    /// Big-endian, without leading zeros.
    package let modulus: [UInt8]
    /// Big-endian, without leading zeros; 65537 nearly always.
    package let exponent: [UInt8]

    private let key: KeyHandle
    private let idle = Mutex<[VerificationContext]>([])
    private static let idleLimit = 8

    /// Throws `invalidKey` unless the modulus is odd and has 2048 to 8192 bits (RFC 7518 asks for 2048 at least) and
    /// the exponent is odd, from 65537 to 2³² − 1.
    package init(modulus: [UInt8], exponent: [UInt8]) throws(TokenError) {
        let modulus = Array(modulus.drop { $0 == 0 })
        let exponent = Array(exponent.drop { $0 == 0 })
        let bits = modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0)
        let exponentValue = exponent.count <= 4 ? exponent.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } : 0
        guard 2048...8192 ~= bits, modulus.last.map({ $0 & 1 == 1 }) == true, exponentValue >= 65_537,
            exponentValue & 1 == 1
        else { throw TokenError(.invalidKey, "expected an RSA key of 2048 to 8192 bits with a usual exponent") }
        self.modulus = modulus
        self.exponent = exponent
        key = try Self.makeKey(modulus: modulus, exponent: exponent)
    }

    /// Whether the key's owner signed the message: RSASSA-PKCS1-v1_5 with SHA-256.
    ///
    /// Safe from any thread; each caller has a prepared context to itself.
    package func isValid(signature: [UInt8], for message: [UInt8]) throws(TokenError) -> Bool {
        guard signature.count == modulus.count else { return false }
        let prepared = idle.withLock { $0.popLast() }
        let context = if let prepared { prepared } else { try VerificationContext(key) }
        let isValid = context.verify(signature, message)
        idle.withLock { if $0.count < Self.idleLimit { $0.append(context) } }
        return isValid
    }

    /// The name that the key has by its content (RFC 7638), 43 characters.
    package var thumbprint: String {
        let members = #"{"e":"\#(Base64URL.encode(exponent))","kty":"RSA","n":"\#(Base64URL.encode(modulus))"}"#
        return Base64URL.encode(sha256(Array(members.utf8)))
    }

    private static func makeKey(modulus: [UInt8], exponent: [UInt8]) throws(TokenError) -> KeyHandle {
        let n = try BigNumber(modulus)
        let e = try BigNumber(exponent)
        guard let builder = unsafe OSSL_PARAM_BLD_new() else { throw OpenSSL.failure("no parameters") }
        defer { unsafe OSSL_PARAM_BLD_free(builder) }
        // The builder keeps pointers to the names for good, and to the numbers until it is asked for the parameters.
        let built = unsafe n.withUnsafePointer { n in
            unsafe e.withUnsafePointer { e in
                guard unsafe OSSL_PARAM_BLD_push_BN(builder, florin_rsa_modulus_name(), n) == 1,
                    unsafe OSSL_PARAM_BLD_push_BN(builder, florin_rsa_exponent_name(), e) == 1
                else { return unsafe UnsafeMutablePointer<OSSL_PARAM>?.none }
                return unsafe OSSL_PARAM_BLD_to_param(builder)
            }
        }
        guard let parameters = unsafe built else { throw OpenSSL.failure("no parameters") }
        defer { unsafe OSSL_PARAM_free(parameters) }
        let context = try KeyContext()
        let made: KeyHandle? = unsafe context.withUnsafePointer { context in
            var key: OpaquePointer?
            guard unsafe EVP_PKEY_fromdata_init(context) == 1,
                unsafe EVP_PKEY_fromdata(context, &key, Int32(FLORIN_EVP_PKEY_PUBLIC_KEY), parameters) == 1,
                let owned = unsafe key
            else { return nil }
            return unsafe KeyHandle(owning: owned)
        }
        guard let made else { throw OpenSSL.failure("the numbers are no RSA key", code: .invalidKey) }
        return made
    }
}

extension RSAPublicKey: Equatable {
    /// The same modulus and exponent.
    package static func == (left: RSAPublicKey, right: RSAPublicKey) -> Bool {
        left.modulus == right.modulus && left.exponent == right.exponent
    }
}

/// A verification that is set up once: algorithms looked up, padding and digest chosen.
// @unchecked Sendable: one caller at a time takes it out of the key's pool, under its lock, and puts it back there.
@safe private final class VerificationContext: @unchecked Sendable {
    private let verification: KeyContext
    private let digest: DigestContext

    init(_ key: KeyHandle) throws(TokenError) {
        verification = try KeyContext(key)
        digest = try DigestContext()
        let isReady = unsafe verification.withUnsafePointer { context in
            unsafe EVP_PKEY_verify_init(context) == 1
                && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1
                && EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1
        }
        let isDigestReady = unsafe digest.withUnsafePointer { unsafe EVP_DigestInit_ex($0, EVP_sha256(), nil) == 1 }
        guard isReady, isDigestReady else { throw OpenSSL.failure("no RS256 verification with this key") }
    }

    func verify(_ signature: [UInt8], _ message: [UInt8]) -> Bool {
        var hash = [UInt8](repeating: 0, count: 32)
        let isHashed = unsafe digest.withUnsafePointer { context in
            // Without a digest named, the one of before is started again.
            unsafe EVP_DigestInit_ex(context, nil, nil) == 1
                && EVP_DigestUpdate(context, message, message.count) == 1
                && EVP_DigestFinal_ex(context, &hash, nil) == 1
        }
        let isValid = unsafe verification.withUnsafePointer { context in
            unsafe EVP_PKEY_verify(context, signature, signature.count, hash, hash.count) == 1
        }
        if isHashed, isValid { return true }
        ERR_clear_error()
        return false
    }
}
