internal import CSodium

/// Bytes of a key: compared in constant time, never shown, wiped when their last owner goes.
// @unchecked Sendable: the memory is written in the initializer alone, before the value is shared.
@safe package final class SecretBytes: @unchecked Sendable {
    private let storage: UnsafeMutablePointer<UInt8>
    /// How many bytes there are.
    package let count: Int

    /// Copies the bytes; the caller's own copy is the caller's to forget.
    package init(copying bytes: [UInt8]) {
        count = bytes.count
        unsafe storage = .allocate(capacity: max(1, bytes.count))
        unsafe storage.initialize(from: bytes, count: bytes.count)
    }

    /// Reads strict base64 of exactly `count` bytes.
    ///
    /// Throws `malformedEncoding`, or `invalidKey` for another length.
    package convenience init(base64: String, count: Int) throws(SecretsError) {
        let bytes = try Base64.decode(base64)
        guard bytes.count == count else { throw SecretsError(.invalidKey, "expected a key of \(count) bytes") }
        self.init(copying: bytes)
    }

    /// New random bytes.
    package static func random(count: Int) -> SecretBytes {
        SecretBytes(copying: randomBytes(count))
    }

    /// A copy, for where the key must leave this process (a printed key, a sealed one).
    package func revealed() -> [UInt8] { unsafe Array(UnsafeBufferPointer(start: storage, count: count)) }

    func withUnsafePointer<Result, Failure: Error>(
        _ body: (UnsafePointer<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(storage)
    }

    deinit {
        unsafe sodium_memzero(storage, count)
        unsafe storage.deallocate()
    }
}

extension SecretBytes: Equatable, CustomStringConvertible, CustomReflectable {
    /// Compares in constant time.
    package static func == (left: SecretBytes, right: SecretBytes) -> Bool {
        constantTimeEquals(left.revealed(), right.revealed())
    }

    /// The length alone.
    package var description: String { "<\(count) secret bytes>" }

    /// Nothing, so that a dump shows nothing.
    package var customMirror: Mirror { Mirror(self, children: []) }
}
