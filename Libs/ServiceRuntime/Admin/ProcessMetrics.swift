import Glibc
import Observability

/// What Prometheus' client libraries tell of every process, read from /proc when the metrics are rendered.
enum ProcessMetrics {
    static func register(in metrics: Metrics, name: String, version: String) {
        metrics.gauges("florin_build_info", help: "Always 1.", labels: ["service", "version"]).with(name, version).set(
            1)
        metrics.gauge("process_resident_memory_bytes", help: "Resident memory.") { resident() }
        metrics.counter("process_cpu_seconds_total", help: "Processor time, user and system.") { cpuSeconds() }
        metrics.gauge("process_open_fds", help: "Open file descriptors.") { openDescriptors() }
        metrics.gauge("process_max_fds", help: "The most file descriptors it may have open.") {
            DescriptorLimit.current
        }
        let started = Double(time(nil))
        metrics.gauge("process_start_time_seconds", help: "Start, in seconds since 1970.") { started }
    }

    private static func resident() -> Double? {
        guard case .success(let text) = FileFault.read("/proc/self/statm") else { return nil }
        let fields = text.split(separator: " ")
        return fields.count > 1 ? Double(fields[1]).map { $0 * Double(sysconf(Int32(_SC_PAGESIZE))) } : nil
    }

    private static func cpuSeconds() -> Double? {
        var used = rusage()
        guard unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &used) == 0 else { return nil }
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(used.ru_utime) + seconds(used.ru_stime)
    }

    private static func openDescriptors() -> Double? {
        guard let directory = unsafe opendir("/proc/self/fd") else { return nil }
        defer { unsafe closedir(directory) }
        var count = 0
        while unsafe readdir(directory) != nil { count += 1 }
        // Without `.`, `..` and the descriptor that reads.
        return Double(max(0, count - 3))
    }
}
