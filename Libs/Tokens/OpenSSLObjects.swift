internal import COpenSSL

// One owner for each object of OpenSSL. The pointer is to be had inside a closure alone: the owner may end right after
// the last line that names it, and a call borrows it until the closure returns.

/// A key; read-only once made.
// @unchecked Sendable: OpenSSL 3 lets any number of threads use one EVP_PKEY at once as long as none changes it.
@safe final class KeyHandle: @unchecked Sendable {
    private let key: OpaquePointer

    init(owning key: OpaquePointer) {
        unsafe self.key = key
    }

    func withUnsafeKey<Result, Failure: Error>(
        _ body: (OpaquePointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(key)
    }

    /// The big-endian bytes of an RSA parameter: `n` or `e`.
    func parameter(_ name: String) throws(TokenError) -> [UInt8] {
        var number: OpaquePointer?
        guard unsafe EVP_PKEY_get_bn_param(key, name, &number) == 1, let owned = unsafe number else {
            throw OpenSSL.failure("the key lacks an RSA parameter")
        }
        let value = unsafe BigNumber(owning: owned)
        return value.bytes
    }

    /// The length of the modulus; 0 for what is no RSA key.
    var modulusBits: Int {
        unsafe EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? Int(EVP_PKEY_get_bits(key)) : 0
    }

    deinit {
        unsafe EVP_PKEY_free(key)
    }
}

/// A multiple-precision integer.
@safe
struct BigNumber: ~Copyable {
    private let pointer: OpaquePointer

    init(owning pointer: OpaquePointer) {
        unsafe self.pointer = pointer
    }

    /// Reads big-endian bytes.
    init(_ bytes: [UInt8]) throws(TokenError) {
        guard let pointer = unsafe BN_bin2bn(bytes, Int32(clamping: bytes.count), nil) else {
            throw OpenSSL.failure("no number could be made")
        }
        unsafe self.pointer = pointer
    }

    /// Big-endian, without leading zeros.
    var bytes: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(unsafe BN_num_bits(pointer) + 7) / 8)
        // Writes exactly as many bytes as the number has.
        _ = unsafe BN_bn2bin(pointer, &bytes)
        return bytes
    }

    borrowing func withUnsafePointer<Result, Failure: Error>(
        _ body: (OpaquePointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(pointer)
    }

    deinit {
        unsafe BN_free(pointer)
    }
}

/// The context of an operation with a key, or of making one.
@safe
struct KeyContext: ~Copyable {
    private let pointer: OpaquePointer

    /// For keys that are yet to be made, of the RSA kind.
    init() throws(TokenError) {
        guard let pointer = unsafe EVP_PKEY_CTX_new_from_name(nil, "RSA", nil) else {
            throw OpenSSL.failure("no context for RSA keys")
        }
        unsafe self.pointer = pointer
    }

    /// For operations with the key, of which the context holds a reference of its own.
    init(_ key: KeyHandle) throws(TokenError) {
        guard let pointer = unsafe key.withUnsafeKey({ unsafe EVP_PKEY_CTX_new_from_pkey(nil, $0, nil) }) else {
            throw OpenSSL.failure("no context for the key")
        }
        unsafe self.pointer = pointer
    }

    borrowing func withUnsafePointer<Result, Failure: Error>(
        _ body: (OpaquePointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(pointer)
    }

    deinit {
        unsafe EVP_PKEY_CTX_free(pointer)
    }
}

/// The context of a digest or of a signature over one.
@safe
struct DigestContext: ~Copyable {
    private let pointer: OpaquePointer

    init() throws(TokenError) {
        guard let pointer = unsafe EVP_MD_CTX_new() else { throw OpenSSL.failure("no digest context") }
        unsafe self.pointer = pointer
    }

    borrowing func withUnsafePointer<Result, Failure: Error>(
        _ body: (OpaquePointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(pointer)
    }

    deinit {
        unsafe EVP_MD_CTX_free(pointer)
    }
}

enum OpenSSL {
    /// An error after a failed call; empties the thread's error queue, which OpenSSL fills and never empties itself.
    static func failure(_ message: String, code: TokenError.Code = .cryptography) -> TokenError {
        ERR_clear_error()
        return TokenError(code, message)
    }
}
