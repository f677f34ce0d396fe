import EventLoop
import Observability

/// Looks at readiness again and again: lets the servers begin, logs each change, tells gRPC health, measures how late the loop is.
struct ReadinessWatch: Sendable {
    let loop: EventLoop
    let readiness: Readiness
    let logger: Logger
    let metrics: Metrics
    let tell: [@Sendable (Bool) -> Void]
    /// Called once: when nothing is missing, not even what the process could do without, or when that has not come for `patience`.
    let open: [@Sendable () -> Void]

    /// How long those who connect to a process that has just been started are left to wait, rather than told that it cannot serve.
    var patience = Duration.seconds(3)

    /// Often at the start, so that the log and gRPC health know of it at once.
    private static let eagerInterval = Duration.milliseconds(20)
    private static let steadyInterval = Duration.seconds(1)

    @Sendable func run() async {
        let ready = metrics.gauge("florin_ready", help: "1 while the process is ready.")
        let lag = metrics.gauge("florin_event_loop_lag_seconds", help: "How late a timer of the event loop was.")
        let started = loop.now
        var last: [String]?
        var isOpen = false
        while !Task.isCancelled {
            let report = await readiness.report()
            let missing = report.missing
            if missing != last {
                if missing.isEmpty {
                    logger.notice("ready", [.duration: .milliseconds(loop.now - started)])
                } else {
                    logger.notice("not ready", [.reason: .strings(missing)])
                }
                for tell in tell { tell(missing.isEmpty) }
                ready.set(missing.isEmpty ? 1 : 0)
                last = missing
            }
            if !isOpen, report.isComplete || loop.now - started >= patience {
                isOpen = true
                for open in open { open() }
            }
            let interval = missing.isEmpty && isOpen ? Self.steadyInterval : Self.eagerInterval
            let expected = loop.now + interval
            do { try await loop.sleep(for: interval) } catch { return }
            let late = (loop.now - expected).components
            lag.set(Double(late.seconds) + Double(late.attoseconds) * 1e-18)
        }
    }
}
