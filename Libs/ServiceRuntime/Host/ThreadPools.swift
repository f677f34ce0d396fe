package import EventLoop
import Observability
import Synchronization

/// The pools of threads of a process, for metrics.
final class ThreadPools: Sendable {
    private let pools = Mutex<[(name: String, pool: OffloadPool)]>([])

    init(_ metrics: Metrics) {
        metrics.gauges(
            "florin_threads", help: "Work that threads do, and that waits for one.", labels: ["pool", "state"]
        ) { [weak self] in self?.figures ?? [:] }
    }

    func add(_ name: String, _ pool: OffloadPool) { pools.withLock { $0.append((name, pool)) } }

    private var figures: [[String]: Double] {
        pools.withLock { $0 }.reduce(into: [:]) { figures, entry in
            let load = entry.pool.load
            figures[[entry.name, "running"]] = Double(load.running)
            figures[[entry.name, "waiting"]] = Double(load.waiting)
        }
    }
}

extension ServiceHost {
    /// Has the metrics tell how busy a pool of threads is.
    package func observe(_ pool: OffloadPool, named name: StaticString) { threadPools.add(name.description, pool) }
}
