import EventLoop
import Observability

/// Looks at readiness again and again: logs each change, tells gRPC health, measures how late the loop is.
struct ReadinessWatch: Sendable {
    let loop: EventLoop
    let readiness: Readiness
    let logger: Logger
    let metrics: Metrics
    let tell: [@Sendable (Bool) -> Void]

    /// Often at the start, so that the log and gRPC health know of it at once.
    private static let eagerInterval = Duration.milliseconds(20)
    private static let steadyInterval = Duration.seconds(1)

    @Sendable func run() async {
        let ready = metrics.gauge("florin_ready", help: "1 while the process is ready.")
        let lag = metrics.gauge("florin_event_loop_lag_seconds", help: "How late a timer of the event loop was.")
        let started = loop.now
        var last: [String]?
        while !Task.isCancelled {
            let missing = await readiness.report().missing
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
            let interval = missing.isEmpty ? Self.steadyInterval : Self.eagerInterval
            let expected = loop.now + interval
            do { try await loop.sleep(for: interval) } catch { return }
            let late = (loop.now - expected).components
            lag.set(Double(late.seconds) + Double(late.attoseconds) * 1e-18)
        }
    }
}
