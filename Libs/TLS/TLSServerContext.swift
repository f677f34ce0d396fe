internal import CSSL
internal import Synchronization

/// What a server proves itself with: certificates and a key, from files that may be read again while it runs.
///
/// TLS 1.2 with ephemeral keys and authenticated encryption, and TLS 1.3; by ALPN `h2` and `http/1.1`.
package final class TLSServerContext: Sendable {
    private let certificateFile: String
    private let keyFile: String
    private let present: Mutex<ContextHandle>

    /// Reads a chain of certificates, the server's own first, and its key, both in PEM.
    package init(certificateFile: String, keyFile: String) throws(TLSError) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        present = Mutex(try ContextHandle(certificateFile: certificateFile, keyFile: keyFile))
    }

    /// Reads the files again. Connections that are open keep what they were begun with; when the files are not good the
    /// server keeps what it had.
    package func reload() throws(TLSError) {
        let fresh = try ContextHandle(certificateFile: certificateFile, keyFile: keyFile)
        present.withLock { $0 = fresh }
    }

    /// What the next connection is begun with.
    var current: ContextHandle { present.withLock { $0 } }
}

/// The one owner of an `SSL_CTX`.
@safe
// OpenSSL counts the references to a context with atomics, and nothing changes it after the initialiser.
final class ContextHandle: @unchecked Sendable {
    let pointer: OpaquePointer

    init(certificateFile: String, keyFile: String) throws(TLSError) {
        florin_clear_errors()
        guard let pointer = unsafe florin_server_context() else { throw TLSError(.setup, Self.reason()) }
        unsafe self.pointer = pointer
        guard unsafe SSL_CTX_use_certificate_chain_file(pointer, certificateFile) == 1 else {
            throw TLSError(.certificate, Self.reason())
        }
        guard unsafe SSL_CTX_use_PrivateKey_file(pointer, keyFile, SSL_FILETYPE_PEM) == 1 else {
            let reason = Self.reason()
            throw TLSError(reason.contains("mismatch") ? .mismatch : .key, reason)
        }
        guard unsafe SSL_CTX_check_private_key(pointer) == 1 else { throw TLSError(.mismatch, Self.reason()) }
    }

    deinit { unsafe SSL_CTX_free(pointer) }

    /// The first error of this thread, in OpenSSL's words.
    private static func reason() -> String {
        let first = ERR_get_error()
        defer { florin_clear_errors() }
        guard first != 0, let text = unsafe ERR_reason_error_string(first) else { return "unknown error" }
        return unsafe String(cString: text)
    }
}
