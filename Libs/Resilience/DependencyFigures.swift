internal import Observability

/// What is told of the calls to one service.
struct DependencyFigures: Sendable {
    private let ended: [CallFailure?: Counter]
    private let refused: (circuit: Counter, full: Counter, timedOut: Counter)
    private let retries: Counter
    private let circuit: Gauge
    private let running: Gauge
    private let waiting: Gauge
    private let seconds: Histogram

    init(_ service: String, _ metrics: Metrics) {
        let attempts = metrics.counters(
            "florin_dependency_attempts_total", help: "Attempts of calls to a service, by how they ended.",
            labels: ["service", "outcome"])
        let refusals = metrics.counters(
            "florin_dependency_refusals_total", help: "Calls to a service that were not made, by the reason.",
            labels: ["service", "reason"])
        ended = [
            nil: attempts.with(service, "ok"), .answered: attempts.with(service, "refused"),
            .unsent: attempts.with(service, "unsent"), .lost: attempts.with(service, "lost"),
            .unavailable: attempts.with(service, "unavailable"), .timedOut: attempts.with(service, "timed_out"),
            .replaced: attempts.with(service, "replaced"), .cancelled: attempts.with(service, "cancelled"),
        ]
        refused = (
            refusals.with(service, "circuit_open"), refusals.with(service, "full"), refusals.with(service, "timed_out")
        )
        retries = metrics.counters(
            "florin_dependency_retries_total", help: "Attempts that were not the first of their call.",
            labels: ["service"]
        ).with(service)
        circuit = metrics.gauges(
            "florin_dependency_circuit", help: "0 while the circuit is closed, 1 while one call probes, 2 while open.",
            labels: ["service"]
        ).with(service)
        running = metrics.gauges("florin_dependency_calls", help: "Calls under way.", labels: ["service"]).with(service)
        waiting = metrics.gauges(
            "florin_dependency_waiting", help: "Calls that wait until another ends.", labels: ["service"]
        ).with(service)
        seconds = metrics.histograms(
            "florin_dependency_seconds", help: "Time of attempts of calls to a service.", labels: ["service"]
        ).with(service)
    }

    func ended(_ failure: CallFailure?, after duration: Duration) {
        ended[failure]?.increment()
        seconds.observe(duration)
    }

    func refused(_ refusal: CallRefusal) {
        switch refusal {
        case .circuitOpen: refused.circuit.increment()
        case .full: refused.full.increment()
        case .timedOut: refused.timedOut.increment()
        }
    }

    func retried() { retries.increment() }

    func circuit(_ state: CircuitBreaker.State) {
        switch state {
        case .closed: circuit.set(0)
        case .halfOpen: circuit.set(1)
        case .open: circuit.set(2)
        }
    }

    func running(_ count: Int) { running.set(Double(count)) }
    func waiting(_ count: Int) { waiting.set(Double(count)) }
}
