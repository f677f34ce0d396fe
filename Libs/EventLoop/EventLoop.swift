internal import CUV
internal import Glibc
internal import Synchronization

/// A libuv loop on a thread of its own, and the executor of everything that does input and output on it.
///
/// An actor whose `unownedExecutor` is the loop runs on the loop's thread, so that calls between such actors and the C
/// callbacks of libuv need no other thread. `execute`, `schedule`, `sleep`, `spawn`, `run` and `shutdown` may be called
/// from anywhere; sockets, watchers and signals belong to the loop's thread.
// @unchecked Sendable: `remote`, `thread` are synchronised; everything else that changes is confined to the loop's thread.
@safe package final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
    /// Jobs run in one turn before the sockets are looked at again: a stream of jobs must not starve `accept`.
    static let jobsPerTurn = 256
    /// Bytes that one read can deliver.
    static let readBufferSize = 65536

    /// The name of the loop's thread.
    package let name: String
    let core: LoopCore
    let readBuffer: UnsafeMutableRawBufferPointer
    let remote = Lock(Remote())
    let thread = Atomic<UInt>(0)

    var local = WorkQueue()
    var endOfTick: [@Sendable () -> Void] = []
    var timers = TimerHeap()
    var timerSequence: UInt64 = 0
    var clockDeadline = UInt64.max
    /// Whether timers fire at the moment.
    var isClockTicking = false
    /// Handles, and look-ups of names, that libuv still has in its hands.
    var openHandles = 0
    var isClosing = false

    /// What other threads hand to the loop, and where the loop is in its life.
    struct Remote {
        var queue = WorkQueue()
        var isSignalled = false
        var phase = Phase.idle
        var waitingForEnd: [CheckedContinuation<Void, Never>] = []
        var isRunningLate = false
        var loopThread: LoopThread?
    }

    enum Phase {
        case idle, running, stopping, ended, joined

        /// Whether libuv must not be called any more.
        var isOver: Bool { self == .ended || self == .joined }
    }

    /// Opens a loop that does not run yet. Work handed to it waits for `start()`.
    ///
    /// `SIGPIPE` is ignored in the whole process from here on: libuv writes to sockets without `MSG_NOSIGNAL`.
    package init(name: String = "loop") throws(EventLoopError) {
        self.name = name
        _ = signal(SIGPIPE, SIG_IGN)
        core = try LoopCore()
        unsafe readBuffer = .allocate(byteCount: Self.readBufferSize, alignment: 16)
    }

    deinit {
        core.close()
        unsafe readBuffer.deallocate()
    }

    /// Starts the loop's thread. Once only.
    package func start() {
        core.attach(self)
        remote.withLock { state in
            precondition(state.phase == .idle, "an event loop is started once")
            state.phase = .running
            state.loopThread = LoopThread(name: name) { [self] in threadMain() }
        }
    }

    /// Whether the caller is on the loop's thread.
    package var isCurrent: Bool { thread.load(ordering: .acquiring) == Self.currentThread }

    /// Monotonic time since some fixed point; the same clock for every loop of the process.
    package var now: Duration { .nanoseconds(Int64(clamping: Self.monotonicNanoseconds)) }

    /// Traps when the caller is not on the loop's thread: the memory safety of sockets depends on it.
    package func preconditionCurrent(_ function: StaticString = #function) {
        precondition(isCurrent, "\(function) belongs to the event loop's thread")
    }

    static var monotonicNanoseconds: UInt64 { uv_hrtime() }

    static var currentThread: UInt { UInt(pthread_self()) }

    static func owner(of loop: UnsafeMutablePointer<uv_loop_t>?) -> EventLoop {
        guard let data = unsafe loop?.pointee.data else { preconditionFailure("a libuv loop without its owner") }
        return unsafe Unmanaged<EventLoop>.fromOpaque(data).takeUnretainedValue()
    }
}
