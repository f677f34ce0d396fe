internal import CSodium

/// The SHA-256 digest (FIPS 180-4), 32 bytes.
package func sha256(_ message: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: Int(crypto_hash_sha256_BYTES))
    // Returns 0 always.
    _ = unsafe crypto_hash_sha256(&digest, message, UInt64(message.count))
    return digest
}

/// The HMAC-SHA-256 code (RFC 2104, FIPS 198-1) of a message under a key of any length, 32 bytes.
package func hmacSHA256(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
    var state = crypto_auth_hmacsha256_state()
    var code = [UInt8](repeating: 0, count: Int(crypto_auth_hmacsha256_BYTES))
    // All three return 0 always.
    _ = unsafe crypto_auth_hmacsha256_init(&state, key, key.count)
    _ = unsafe crypto_auth_hmacsha256_update(&state, message, UInt64(message.count))
    _ = unsafe crypto_auth_hmacsha256_final(&state, &code)
    return code
}
