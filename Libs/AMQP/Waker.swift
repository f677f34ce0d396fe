internal import Glibc
internal import Synchronization

/// Wakes a thread out of `poll`: a pipe whose reading end it polls together with its socket.
final class Waker: Sendable {
    /// Readable after `signal`.
    let descriptor: Int32
    private let writingEnd: Int32
    private let isSignalled = Atomic(false)

    init() throws(AMQPError) {
        var ends: [Int32] = [0, 0]
        guard unsafe pipe(&ends) == 0 else { throw AMQPError(.system, "pipe: errno \(errno)") }
        descriptor = ends[0]
        writingEnd = ends[1]
        for end in ends {
            guard fcntl(end, F_SETFL, O_NONBLOCK) == 0, fcntl(end, F_SETFD, FD_CLOEXEC) == 0 else {
                throw AMQPError(.system, "fcntl: errno \(errno)")
            }
        }
    }

    deinit {
        close(descriptor)
        close(writingEnd)
    }

    /// Wakes the thread; cheap when it has been woken already. What it is to find must be in place before.
    func signal() {
        guard !isSignalled.exchange(true, ordering: .acquiringAndReleasing) else { return }
        var byte: UInt8 = 1
        // The pipe holds at most one byte, so this can neither block nor be short.
        unsafe write(writingEnd, &byte, 1)
    }

    /// Makes the descriptor unreadable; the thread looks for work after this call, not before it.
    func clear() {
        guard isSignalled.load(ordering: .acquiring) else { return }
        var byte: UInt8 = 0
        guard unsafe read(descriptor, &byte, 1) == 1 else { return }
        isSignalled.store(false, ordering: .releasing)
    }
}
