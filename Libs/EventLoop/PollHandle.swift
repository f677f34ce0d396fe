internal import CUV

/// A `uv_poll_t` on a descriptor that someone else owns and closes after it.
// @unchecked Sendable: confined to the loop's thread, see LoopHandle.
final class PollHandle: LoopHandle, @unchecked Sendable {
    private var handler: ((Readiness) -> Void)?
    private var whenClosed: (() -> Void)?
    private var watched: Int32 = 0
    /// Called instead of a plain close when the loop shuts down.
    var onShutdown: (() -> Void)?

    init(descriptor: Int32, loop: EventLoop, handler: @escaping (Readiness) -> Void) throws(EventLoopError) {
        self.handler = handler
        super.init(loop: loop, type: UV_POLL)
        unsafe try open("watch a descriptor") { unsafe uv_poll_init($0, pointer(as: uv_poll_t.self), descriptor) }
    }

    func watch(_ events: Int32) {
        guard isOpen, events != watched else { return }
        watched = events
        if events == 0 {
            _ = unsafe uv_poll_stop(pointer(as: uv_poll_t.self))
            return
        }
        // C rule: starting fails only for a closing handle or a null callback.
        _ = unsafe uv_poll_start(pointer(as: uv_poll_t.self), events) { handle, status, events in
            let owner = unsafe LoopHandle.owner(of: handle, as: PollHandle.self)
            guard status >= 0 else {
                // C rule: libuv has stopped the handle.
                owner.watched = 0
                owner.handler?([.readable, .writable, .failed])
                return
            }
            owner.handler?(Readiness(events: events))
        }
    }

    /// Stops at once: the handler is not called again, and the descriptor may be closed when this returns.
    func stop(whenClosed: (() -> Void)? = nil) {
        handler = nil
        guard isOpen else {
            whenClosed?()
            return
        }
        self.whenClosed = whenClosed
        watch(0)
        closeHandle()
    }

    override func loopWillShutDown() {
        let onShutdown = self.onShutdown
        self.onShutdown = nil
        if let onShutdown { onShutdown() } else { stop() }
    }

    override func handleDidClose() {
        onShutdown = nil
        let whenClosed = self.whenClosed
        self.whenClosed = nil
        handler = nil
        whenClosed?()
    }
}

/// What a descriptor is ready for.
package struct Readiness: OptionSet, Sendable {
    package let rawValue: Int

    /// From the bits.
    package init(rawValue: Int) { self.rawValue = rawValue }

    /// Reading will not block; it may find the end of the stream.
    package static let readable = Readiness(rawValue: 1)
    /// Writing will not block.
    package static let writable = Readiness(rawValue: 2)
    /// The system reported an error on the descriptor; reading or writing will tell which, though what arrived before it is
    /// read first. The watching has ended: nothing more is told until `watch` is called again.
    package static let failed = Readiness(rawValue: 4)

    init(events: Int32) {
        var readiness: Readiness = []
        if events & Int32(UV_READABLE.rawValue) != 0 { readiness.insert(.readable) }
        if events & Int32(UV_WRITABLE.rawValue) != 0 { readiness.insert(.writable) }
        self = readiness
    }
}
