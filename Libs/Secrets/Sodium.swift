internal import CSodium

/// libsodium's own start: it must have run before the first random byte is asked for from more than one thread.
enum Sodium {
    private static let isReady = sodium_init() >= 0

    static func start() {
        precondition(isReady, "libsodium found no source of randomness")
    }
}

/// Bytes that nobody can guess, from the kernel's generator.
///
/// - Parameter count: how many, not negative.
package func randomBytes(_ count: Int) -> [UInt8] {
    Sodium.start()
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        if let base = buffer.baseAddress { unsafe randombytes_buf(base, count) }
        initialized = count
    }
}

/// Whether both are the same bytes, in a time that depends on their length alone.
package func constantTimeEquals(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    guard !left.isEmpty else { return true }
    return unsafe sodium_memcmp(left, right, left.count) == 0
}
