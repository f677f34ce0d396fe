internal import CUV

/// Tells when a descriptor that a C library owns, such as libpq's socket, can be read or written. Level-triggered.
///
/// The watcher belongs to the loop's thread. `stop()` comes before the descriptor is closed; dropping the watcher
/// stops it too.
// @unchecked Sendable: the only state is the poll handle, which is confined to the loop's thread.
package final class DescriptorWatcher: @unchecked Sendable {
    private let handle: PollHandle

    /// Watches nothing until `watch` is called. `handler` runs on the loop. Throws for a descriptor that cannot be polled.
    package init(fd: Int32, loop: EventLoop, handler: @escaping @Sendable (Readiness) -> Void) throws(EventLoopError) {
        handle = try PollHandle(descriptor: fd, loop: loop, handler: handler)
    }

    deinit {
        let handle = self.handle
        if handle.loop.isCurrent {
            handle.stop()
        } else {
            handle.loop.execute { handle.stop() }
        }
    }

    /// Sets what to wait for; both false pauses.
    package func watch(readable: Bool, writable: Bool) {
        handle.loop.preconditionCurrent()
        handle.watch(
            (readable ? Int32(UV_READABLE.rawValue) : 0) | (writable ? Int32(UV_WRITABLE.rawValue) : 0))
    }

    /// Ends the watching: the handler is not called again. Idempotent.
    package func stop() {
        handle.loop.preconditionCurrent()
        handle.stop()
    }
}
