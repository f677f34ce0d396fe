internal import Glibc

/// A value under a lock whose holders can wait for it to change. `Synchronization.Mutex` has no condition to wait on.
// @unchecked Sendable: `value` is touched only while `mutex` is held.
@safe final class Monitor<Value>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var value: Value

    init(_ value: sending Value) {
        self.value = value
        // C rule: with default attributes neither init can fail on Linux.
        _ = unsafe pthread_mutex_init(mutex, nil)
        _ = unsafe pthread_cond_init(changed, nil)
    }

    deinit {
        _ = unsafe pthread_cond_destroy(changed)
        _ = unsafe pthread_mutex_destroy(mutex)
        unsafe changed.deallocate()
        unsafe mutex.deallocate()
    }

    func withLock<R>(_ body: (inout Value) -> R) -> R {
        _ = unsafe pthread_mutex_lock(mutex)
        defer { _ = unsafe pthread_mutex_unlock(mutex) }
        return body(&value)
    }

    /// Waits until `body` answers something, asking again after every `signal`.
    func wait<R>(for body: (inout Value) -> R?) -> R {
        _ = unsafe pthread_mutex_lock(mutex)
        defer { _ = unsafe pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&value) { return result }
            _ = unsafe pthread_cond_wait(changed, mutex)
        }
    }

    func signal() { _ = unsafe pthread_cond_signal(changed) }

    func broadcast() { _ = unsafe pthread_cond_broadcast(changed) }
}
