import EventLoop
import Glibc
import Observability
import Synchronization

/// What the process reads again when it is sent SIGHUP. A process that has nothing to read again says so and goes on.
package final class HangUp: Sendable {
    private let reloads = Mutex<[@Sendable () -> Void]>([])
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    /// Has something read again at each SIGHUP; called on the loop.
    package func add(_ reload: @escaping @Sendable () -> Void) { reloads.withLock { $0.append(reload) } }

    /// Listens for the signal from now on. On the loop only.
    func watch(on loop: EventLoop) throws(EventLoopError) {
        try SignalSource.onSignals([SIGHUP], loop: loop) { [self] _ in
            let all = reloads.withLock { $0 }
            if all.isEmpty { logger.notice("nothing to read again", [.signal: .int(SIGHUP)]) }
            for reload in all { reload() }
        }
    }

    /// Keeps the signal from ending a process that does not listen for it yet.
    static func ignoreUntilWatched() { _ = signal(SIGHUP, SIG_IGN) }
}
