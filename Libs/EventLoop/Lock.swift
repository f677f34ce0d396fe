internal import Glibc
internal import Synchronization

// ThreadSanitizer does not understand `Mutex`, which locks by futex, and reports races that are none. A build for it
// defines FLORIN_PTHREAD_LOCKS.
#if FLORIN_PTHREAD_LOCKS
typealias Lock = PthreadLock
#else
typealias Lock = Mutex
#endif

#if FLORIN_PTHREAD_LOCKS
/// A value under a POSIX mutex.
// @unchecked Sendable: `value` is touched only while `mutex` is held.
@safe final class PthreadLock<Value>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var value: Value

    init(_ value: sending Value) {
        self.value = value
        // C rule: with default attributes it cannot fail on Linux.
        _ = unsafe pthread_mutex_init(mutex, nil)
    }

    deinit {
        _ = unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    func withLock<R>(_ body: (inout Value) -> R) -> R {
        _ = unsafe pthread_mutex_lock(mutex)
        defer { _ = unsafe pthread_mutex_unlock(mutex) }
        return body(&value)
    }
}
#endif
