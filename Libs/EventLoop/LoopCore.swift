internal import CUV

/// The `uv_loop_t` and the handles that drive it: wake-up, clock, and the two hooks around polling. One object owns
/// their memory, so that they live until the loop is closed.
@safe final class LoopCore {
    let loop = UnsafeMutablePointer<uv_loop_t>.allocate(capacity: 1)
    private let wake = UnsafeMutablePointer<uv_async_t>.allocate(capacity: 1)
    private let clock = UnsafeMutablePointer<uv_timer_t>.allocate(capacity: 1)
    private let before = UnsafeMutablePointer<uv_prepare_t>.allocate(capacity: 1)
    private let after = UnsafeMutablePointer<uv_check_t>.allocate(capacity: 1)
    private let busy = UnsafeMutablePointer<uv_idle_t>.allocate(capacity: 1)
    private var isBusy = false
    private var isClosed = true

    /// Opens the loop. The callbacks begin with `attach`.
    init() throws(EventLoopError) {
        var status = unsafe uv_loop_init(loop)
        guard status == 0 else { throw .uv(status, "open an event loop") }
        status = unsafe uv_async_init(loop, wake) { _ in }
        guard status == 0 else {
            _ = unsafe uv_loop_close(loop)
            throw .uv(status, "open an event loop")
        }
        // C rule: these four inits only link the handle into the loop and cannot fail.
        _ = unsafe uv_timer_init(loop, clock)
        _ = unsafe uv_prepare_init(loop, before)
        _ = unsafe uv_check_init(loop, after)
        _ = unsafe uv_idle_init(loop, busy)
        // C rule: init leaves `data` as the memory was; `forEachOwner` tells our handles from others' by it.
        unsafe handles.forEach { unsafe uv_handle_set_data($0, nil) }
        isClosed = false
    }

    private var handles: [UnsafeMutablePointer<uv_handle_t>] {
        unsafe [
            UnsafeMutableRawPointer(wake), UnsafeMutableRawPointer(clock), UnsafeMutableRawPointer(before),
            UnsafeMutableRawPointer(after), UnsafeMutableRawPointer(busy),
        ].map { unsafe $0.assumingMemoryBound(to: uv_handle_t.self) }
    }

    deinit {
        close()
        unsafe loop.deallocate()
        unsafe wake.deallocate()
        unsafe clock.deallocate()
        unsafe before.deallocate()
        unsafe after.deallocate()
        unsafe busy.deallocate()
    }

    /// Makes the callbacks call `owner`, which must outlive every `run`.
    func attach(_ owner: EventLoop) {
        let opaque = unsafe Unmanaged.passUnretained(owner).toOpaque()
        unsafe loop.pointee.data = opaque
        // C rule: starting these with a callback cannot fail.
        _ = unsafe uv_prepare_start(before) { unsafe EventLoop.owner(of: $0?.pointee.loop).turn() }
        _ = unsafe uv_check_start(after) { unsafe EventLoop.owner(of: $0?.pointee.loop).turn() }
    }

    func run() { _ = unsafe uv_run(loop, UV_RUN_DEFAULT) }
    func runOnce() { _ = unsafe uv_run(loop, UV_RUN_NOWAIT) }
    func stop() { unsafe uv_stop(loop) }

    /// Wakes the loop from any thread. Must not be called after `close`.
    func signal() {
        // C rule: uv_async_send fails only for a handle that is not an async handle.
        _ = unsafe uv_async_send(wake)
    }

    /// Asks for `EventLoop.clockTicked` after that many milliseconds.
    func setClock(milliseconds: UInt64) {
        _ = unsafe uv_timer_start(
            clock, { unsafe EventLoop.owner(of: $0?.pointee.loop).clockTicked() }, milliseconds, 0)
    }

    /// While busy the loop polls without waiting.
    func setBusy(_ wanted: Bool) {
        guard wanted != isBusy else { return }
        isBusy = wanted
        if wanted {
            _ = unsafe uv_idle_start(busy) { _ in }
        } else {
            _ = unsafe uv_idle_stop(busy)
        }
    }

    /// Calls `body` with the owner of every handle that is not one of the core's own.
    func forEachOwner(_ body: (LoopHandle) -> Void) {
        var owners: [LoopHandle] = []
        unsafe withUnsafeMutablePointer(to: &owners) { list in
            unsafe uv_walk(
                loop,
                { handle, argument in
                    // The core's own handles carry no data.
                    guard let data = unsafe uv_handle_get_data(handle), let argument = unsafe argument else { return }
                    let owner = unsafe Unmanaged<LoopHandle>.fromOpaque(data).takeUnretainedValue()
                    unsafe argument.assumingMemoryBound(to: [LoopHandle].self).pointee.append(owner)
                }, list)
        }
        owners.forEach(body)
    }

    /// Closes the core's handles and the loop. Every other handle must be closed already. Idempotent.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        unsafe handles.forEach { unsafe uv_close($0, nil) }
        run()
        let status = unsafe uv_loop_close(loop)
        precondition(status == 0, "a handle was left open: \(status)")
    }
}
