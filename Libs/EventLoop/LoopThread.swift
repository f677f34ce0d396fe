internal import CUV
internal import Glibc

/// A thread of our own. Its owner joins or detaches it, exactly once.
struct LoopThread: Sendable {
    private let thread: pthread_t

    /// Starts a thread with a name of at most 15 bytes (longer ones are cut, a kernel limit).
    init(name: String, _ body: @escaping @Sendable () -> Void) {
        let start = unsafe Unmanaged.passRetained(ThreadStart(name: name, body: body))
        var thread = pthread_t()
        let status = unsafe pthread_create(
            &thread, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                unsafe Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, start.toOpaque())
        precondition(status == 0, "the system has no thread left to give: errno \(status)")
        self.thread = thread
    }

    func join() {
        let status = pthread_join(thread, nil)
        precondition(status == 0, "a thread is joined once and never by itself: errno \(status)")
    }

    func detach() {
        let status = pthread_detach(thread)
        precondition(status == 0, "a thread is detached once: errno \(status)")
    }
}

/// What a thread needs to begin; handed over through the `void *` of `pthread_create`.
private final class ThreadStart {
    private let name: String
    private let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }

    func run() {
        let short = String(decoding: name.utf8.prefix(15), as: UTF8.self)
        // Only the name shown by tools depends on it; no caller can do anything about a failure.
        _ = unsafe short.withCString { unsafe pthread_setname_np(pthread_self(), $0) }
        body()
    }
}
