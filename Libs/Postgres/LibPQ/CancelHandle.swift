internal import CPQ

/// The owner of one `PGcancel`: what it takes to ask the server to stop what a connection is executing.
// @unchecked Sendable: immutable after creation; libpq documents PQcancel on it as safe from any thread (34.7).
@safe final class CancelHandle: @unchecked Sendable {
    private let cancel: OpaquePointer

    init(owning cancel: OpaquePointer) { unsafe self.cancel = cancel }

    deinit { unsafe PQfreeCancel(cancel) }

    /// Sends the request over a connection of its own. Blocks, so it belongs off the loop. False when it could not be
    /// sent; true says nothing about its effect.
    func send() -> Bool {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            unsafe PQcancel(cancel, buffer.baseAddress, Int32(buffer.count)) == 1
        }
    }
}
