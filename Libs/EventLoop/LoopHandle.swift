internal import CUV
internal import Glibc

/// The owner of one libuv handle and of its memory. An open handle keeps itself alive until libuv has closed it,
/// because libuv holds its address until the close callback.
// @unchecked Sendable: everything that changes is touched on the loop's thread only.
@safe package class LoopHandle: @unchecked Sendable {
    /// The loop the handle lives on.
    package let loop: EventLoop
    private let memory: UnsafeMutableRawPointer
    private var state = State.uninitialized

    private enum State { case uninitialized, open, closing, closed }

    /// Allocates the memory; `open` must follow.
    init(loop: EventLoop, type: uv_handle_type) {
        loop.preconditionCurrent()
        self.loop = loop
        unsafe memory = .allocate(byteCount: uv_handle_size(type), alignment: 16)
    }

    deinit {
        // C rule: the memory belongs to libuv from a successful init until the close callback; `open` retains self for
        // that time, so deinit can only run before or after it.
        unsafe memory.deallocate()
    }

    /// Whether the handle can be used: initialised and not closing.
    var isOpen: Bool { state == .open }

    func pointer<T>(as type: T.Type) -> UnsafeMutablePointer<T> { unsafe memory.assumingMemoryBound(to: type) }

    /// Runs libuv's init function. When it fails nothing is registered and the memory is simply freed.
    func open(_ operation: String, _ initialize: (UnsafeMutablePointer<uv_loop_t>) -> Int32) throws(EventLoopError) {
        guard !loop.isClosing else { throw EventLoopError(.shutDown, operation) }
        let status = unsafe initialize(loop.core.loop)
        guard status == 0 else { throw .uv(status, operation) }
        unsafe pointer(as: uv_handle_t.self).pointee.data = Unmanaged.passRetained(self).toOpaque()
        state = .open
        loop.openHandles += 1
    }

    /// Starts closing; `handleDidClose` follows on a later turn of the loop. Idempotent.
    func closeHandle() {
        guard state == .open else { return }
        state = .closing
        unsafe uv_close(pointer(as: uv_handle_t.self)) { unsafe LoopHandle.closed($0) }
    }

    /// `closeHandle` with a reset instead of an orderly end; for TCP handles only.
    func resetHandle() {
        guard state == .open else { return }
        let status = unsafe uv_tcp_close_reset(pointer(as: uv_tcp_t.self)) { unsafe LoopHandle.closed($0) }
        // C rule: a reset is refused while a shutdown request is pending; then an ordinary close has to do.
        if status == 0 { state = .closing } else { closeHandle() }
    }

    /// Called once, when libuv has let go of the handle.
    func handleDidClose() {}

    /// Called when the loop shuts down while the handle is open.
    func loopWillShutDown() { closeHandle() }

    /// The Swift owner behind a libuv handle.
    static func owner<T: LoopHandle, H>(of handle: UnsafeMutablePointer<H>?, as type: T.Type) -> T {
        guard let handle = unsafe handle,
            let data = unsafe uv_handle_get_data(
                UnsafeRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self))
        else { preconditionFailure("a libuv callback without its owner") }
        return unsafe Unmanaged<T>.fromOpaque(data).takeUnretainedValue()
    }

    private static func closed(_ handle: UnsafeMutablePointer<uv_handle_t>?) {
        guard let data = unsafe handle?.pointee.data else { return }
        let owner = unsafe Unmanaged<LoopHandle>.fromOpaque(data).takeRetainedValue()
        owner.state = .closed
        owner.loop.openHandles -= 1
        owner.handleDidClose()
    }
}
