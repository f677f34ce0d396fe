internal import Observability

/// What a consumer counts.
struct ConsumerMetrics: Sendable {
    let applied, duplicates, ignored, transient, failed: Counter
    let letters: Gauge
    private let parkedEvents: Family<Counter>
    private let consumer: String

    init(_ metrics: Metrics, consumer: String) {
        let events = metrics.counters(
            "florin_inbox_events_total", help: "Events by what became of them.", labels: ["consumer", "outcome"])
        applied = events.with(consumer, "applied")
        duplicates = events.with(consumer, "duplicate")
        ignored = events.with(consumer, "ignored")
        let failures = metrics.counters(
            "florin_inbox_failures_total", help: "Tries that ended without effect.", labels: ["consumer", "kind"])
        transient = failures.with(consumer, "transient")
        failed = failures.with(consumer, "handler")
        parkedEvents = metrics.counters(
            "florin_dead_letters_total", help: "Events put aside.", labels: ["consumer", "reason"])
        letters = metrics.gauges(
            "florin_dead_letters", help: "Events put aside and not archived, counted up to 100000.",
            labels: ["consumer"]
        ).with(consumer)
        self.consumer = consumer
    }

    func parked(_ reason: DeadLetterReason) -> Counter { parkedEvents.with(consumer, reason.rawValue) }
}
