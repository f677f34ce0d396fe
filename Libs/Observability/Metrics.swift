import Synchronization

/// The measurements of a process, rendered for Prometheus (text format 0.0.4).
///
/// Asking twice for the same name gives the same instrument. Labels are bounded: past `maximumSeries` combinations
/// of a family, or as many as it has a need for, everything else is counted in one series whose labels all say `other`.
package final class Metrics: Sendable {
    /// How many combinations of label values a family keeps.
    package static let maximumSeries = 500

    private let families = Mutex<[String: any MetricFamily]>([:])

    package init() {}

    /// A number that only grows.
    package func counter(_ name: StaticString, help: StaticString) -> Counter {
        counters(name, help: help, labels: []).with()
    }

    /// Counters that differ by label values.
    ///
    /// - Parameter limit: how many combinations of label values are kept apart.
    package func counters(
        _ name: StaticString, help: StaticString, labels: [StaticString], limit: Int = Metrics.maximumSeries
    ) -> Family<Counter> {
        family(name, help: help, labels: labels, limit: limit) { Counter() }
    }

    /// A number that only grows, read when the metrics are rendered; otherwise as `gauge(_:help:read:)`.
    package func counter(_ name: StaticString, help: StaticString, read: @escaping @Sendable () -> Double?) {
        register(Family(name: name, help: help, labels: []) { CallbackCounter(read: read) })
    }

    /// A number that goes up and down, set by the program.
    package func gauge(_ name: StaticString, help: StaticString) -> Gauge {
        gauges(name, help: help, labels: []).with()
    }

    /// Gauges that differ by label values.
    package func gauges(_ name: StaticString, help: StaticString, labels: [StaticString]) -> Family<Gauge> {
        family(name, help: help, labels: labels) { Gauge() }
    }

    /// A number read when the metrics are rendered; a second registration of a name replaces the first.
    ///
    /// - Parameter read: called on the thread that renders; must not wait. nil leaves the series out.
    package func gauge(_ name: StaticString, help: StaticString, read: @escaping @Sendable () -> Double?) {
        register(Family(name: name, help: help, labels: []) { CallbackGauge(read: read) })
    }

    /// Numbers that differ by label values, all read when the metrics are rendered; a second registration of a name replaces
    /// the first.
    ///
    /// - Parameter read: the numbers by the values of their labels; called on the thread that renders, and must not wait.
    package func gauges(
        _ name: StaticString, help: StaticString, labels: [StaticString],
        read: @escaping @Sendable () -> [[String]: Double]
    ) {
        families.withLock {
            $0[name.description] = CallbackFamily(name: name, help: help, labels: labels, read: read)
        }
    }

    private func register(_ family: Family<some MetricInstrument>) {
        _ = family.with()
        families.withLock { $0[family.name] = family }
    }

    /// How measured values are spread over fixed buckets.
    package func histogram(
        _ name: StaticString, help: StaticString, buckets: [Double] = Histogram.seconds
    ) -> Histogram {
        histograms(name, help: help, labels: [], buckets: buckets).with()
    }

    /// Histograms that differ by label values.
    package func histograms(
        _ name: StaticString, help: StaticString, labels: [StaticString], buckets: [Double] = Histogram.seconds
    ) -> Family<Histogram> {
        family(name, help: help, labels: labels) { Histogram(buckets: buckets) }
    }

    /// Everything, in the order of the names.
    package func render() -> String {
        let all = families.withLock { Array($0.values) }.sorted { $0.name < $1.name }
        var text = ""
        for family in all { family.render(to: &text) }
        return text
    }

    private func family<Instrument: MetricInstrument>(
        _ name: StaticString, help: StaticString, labels: [StaticString], limit: Int = Metrics.maximumSeries,
        make: @escaping @Sendable () -> Instrument
    ) -> Family<Instrument> {
        families.withLock { families in
            if let known = families[name.description] {
                guard let same = known as? Family<Instrument>, same.labels == labels.map(\.description) else {
                    preconditionFailure("metric \(name) is registered with another kind or other labels")
                }
                return same
            }
            let family = Family(name: name, help: help, labels: labels, limit: limit, make: make)
            families[family.name] = family
            return family
        }
    }
}

/// What `Metrics` needs of a family of any instrument.
protocol MetricFamily: Sendable {
    var name: String { get }
    func render(to text: inout String)
}

/// One series: renders itself after its labels are known.
package protocol MetricInstrument: Sendable {
    /// The word after `# TYPE name`.
    static var kind: String { get }
    /// Appends the sample lines.
    func render(name: String, labels: String, to text: inout String)
}
