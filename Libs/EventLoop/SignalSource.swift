internal import CUV

/// Signals of the process delivered on a loop.
package struct SignalSource: Sendable {
    private let loop: EventLoop
    private let handles: [SignalHandle]

    /// Calls `handler` on the loop for each of the signals until `cancel()` or the loop's shutdown. On the loop only.
    @discardableResult
    package static func onSignals(
        _ signals: [Int32], loop: EventLoop, _ handler: @escaping @Sendable (Int32) -> Void
    ) throws(EventLoopError) -> SignalSource {
        var handles: [SignalHandle] = []
        do {
            for signal in signals { handles.append(try SignalHandle(signal: signal, loop: loop, handler: handler)) }
        } catch {
            for handle in handles { handle.closeHandle() }
            throw error
        }
        return SignalSource(loop: loop, handles: handles)
    }

    /// Gives the signals their default effect again. From any thread.
    package func cancel() {
        loop.execute { [handles] in
            for handle in handles { handle.closeHandle() }
        }
    }
}

// Confined to the loop's thread, see LoopHandle.
private final class SignalHandle: LoopHandle, @unchecked Sendable {
    private let handler: @Sendable (Int32) -> Void

    init(signal: Int32, loop: EventLoop, handler: @escaping @Sendable (Int32) -> Void) throws(EventLoopError) {
        self.handler = handler
        super.init(loop: loop, type: UV_SIGNAL)
        unsafe try open("watch a signal") { unsafe uv_signal_init($0, pointer(as: uv_signal_t.self)) }
        let status = unsafe uv_signal_start(
            pointer(as: uv_signal_t.self),
            { handle, number in unsafe LoopHandle.owner(of: handle, as: SignalHandle.self).handler(number) }, signal)
        guard status == 0 else {
            closeHandle()
            throw .uv(status, "watch a signal")
        }
    }
}
