internal import CSSL

/// The one owner of an `SSL`: TLS without input or output. Confined to one loop.
@safe
final class TLSSession {
    /// What a step came to.
    enum Outcome {
        case done
        /// More bytes of the peer are needed.
        case starved
        /// The peer has said that it ends (`close_notify`).
        case ended
        /// The peer broke the protocol, or nothing in common was found.
        case failed
    }

    private let ssl: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer

    init?(_ context: ContextHandle) {
        guard let ssl = unsafe florin_server_side(context.pointer) else { return nil }
        guard let input = unsafe SSL_get_rbio(ssl), let output = unsafe SSL_get_wbio(ssl) else {
            unsafe SSL_free(ssl)
            return nil
        }
        unsafe self.ssl = ssl
        unsafe self.input = input
        unsafe self.output = output
    }

    // It owns both BIOs.
    deinit { unsafe SSL_free(ssl) }

    /// Adds bytes of the peer; false when there is no memory for them.
    func feed(_ bytes: RawSpan) -> Bool {
        unsafe bytes.withUnsafeBytes { bytes in
            let count = Int32(clamping: bytes.count)
            return unsafe BIO_write(input, bytes.baseAddress, count) == count
        }
    }

    func handshake() -> Outcome {
        florin_clear_errors()
        return outcome(of: unsafe SSL_do_handshake(ssl))
    }

    /// Reads into the buffer; the count is that of the bytes read when it is done.
    func read(into buffer: inout [UInt8]) -> (outcome: Outcome, count: Int) {
        florin_clear_errors()
        let count = unsafe buffer.withUnsafeMutableBytes { buffer in
            unsafe SSL_read(ssl, buffer.baseAddress, Int32(clamping: buffer.count))
        }
        return (outcome(of: count), Int(max(0, count)))
    }

    /// Encrypts all of the bytes: a memory BIO takes whatever it is given.
    func write(_ bytes: [UInt8]) -> Outcome {
        florin_clear_errors()
        var offset = 0
        while offset < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { bytes in
                unsafe SSL_write(ssl, bytes.baseAddress! + offset, Int32(clamping: bytes.count - offset))
            }
            guard count > 0 else { return outcome(of: count) }
            offset += Int(count)
        }
        return .done
    }

    /// Says `close_notify`.
    func end() {
        florin_clear_errors()
        // Its result tells whether the peer has ended too, which the reader finds out by itself.
        _ = unsafe SSL_shutdown(ssl)
    }

    /// Takes what is to be sent to the peer.
    func takeOutput() -> [UInt8] {
        let pending = unsafe Int(BIO_ctrl_pending(output))
        guard pending > 0 else { return [] }
        return unsafe [UInt8](unsafeUninitializedCapacity: pending) { buffer, count in
            count = unsafe Int(max(0, BIO_read(output, buffer.baseAddress, Int32(clamping: pending))))
        }
    }

    /// The protocol chosen by ALPN; nil when the client did not ask.
    var negotiated: String? {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &name, &count)
        guard let name = unsafe name, count > 0 else { return nil }
        return unsafe String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
    }

    private func outcome(of result: Int32) -> Outcome {
        if result > 0 { return .done }
        switch unsafe SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: return .starved
        case SSL_ERROR_ZERO_RETURN: return .ended
        default: return .failed
        }
    }
}
