import Synchronization

/// A number that only grows.
package final class Counter: MetricInstrument {
    package static let kind = "counter"
    private let count = Atomic<Int>(0)

    /// Adds; a negative amount is not added.
    package func increment(by amount: Int = 1) {
        if amount > 0 { count.wrappingAdd(amount, ordering: .relaxed) }
    }

    /// The count so far.
    package var value: Int { count.load(ordering: .relaxed) }

    package func render(name: String, labels: String, to text: inout String) {
        text += MetricSyntax.sample(name, labels, "\(value)")
    }
}

/// A number that goes up and down.
package final class Gauge: MetricInstrument {
    package static let kind = "gauge"
    private let bits = Atomic<UInt64>(0)

    /// Replaces the value.
    package func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    /// Adds, also a negative amount.
    package func add(_ amount: Double) {
        var known = bits.load(ordering: .relaxed)
        while true {
            let sum = (Double(bitPattern: known) + amount).bitPattern
            let (exchanged, original) = bits.weakCompareExchange(expected: known, desired: sum, ordering: .relaxed)
            if exchanged { return }
            known = original
        }
    }

    /// The present value.
    package var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    package func render(name: String, labels: String, to text: inout String) {
        text += MetricSyntax.sample(name, labels, MetricSyntax.number(value))
    }
}

/// A gauge that is read when it is rendered.
final class CallbackGauge: MetricInstrument {
    static let kind = "gauge"
    private let read: @Sendable () -> Double?

    init(read: @escaping @Sendable () -> Double?) { self.read = read }

    func render(name: String, labels: String, to text: inout String) {
        if let value = read() { text += MetricSyntax.sample(name, labels, MetricSyntax.number(value)) }
    }
}

/// A counter that is read when it is rendered.
final class CallbackCounter: MetricInstrument {
    static let kind = "counter"
    private let read: @Sendable () -> Double?

    init(read: @escaping @Sendable () -> Double?) { self.read = read }

    func render(name: String, labels: String, to text: inout String) {
        if let value = read() { text += MetricSyntax.sample(name, labels, MetricSyntax.number(value)) }
    }
}

/// Counts of values per bucket, with their sum.
package final class Histogram: MetricInstrument {
    package static let kind = "histogram"
    /// Upper bounds that suit request times, in seconds.
    package static let seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    private struct State {
        var counts: [Int]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let state: Mutex<State>

    init(buckets: [Double]) {
        precondition(
            !buckets.isEmpty && zip(buckets, buckets.dropFirst()).allSatisfy { $0 < $1 }, "bucket bounds must rise")
        bounds = buckets
        state = Mutex(State(counts: Array(repeating: 0, count: buckets.count + 1)))
    }

    /// Counts a value; not-a-number is not counted.
    package func observe(_ value: Double) {
        if value.isNaN { return }
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock {
            $0.counts[index] += 1
            $0.sum += value
        }
    }

    /// Counts a length of time, in seconds.
    package func observe(_ duration: Duration) {
        let parts = duration.components
        observe(Double(parts.seconds) + Double(parts.attoseconds) * 1e-18)
    }

    /// How many values were counted.
    package var count: Int { state.withLock { $0.counts.reduce(0, +) } }

    package func render(name: String, labels: String, to text: inout String) {
        let (counts, sum) = state.withLock { ($0.counts, $0.sum) }
        let prefix = labels.isEmpty ? "" : labels + ","
        var total = 0
        for (index, count) in counts.enumerated() {
            total += count
            let bound = index < bounds.count ? MetricSyntax.number(bounds[index]) : "+Inf"
            text += MetricSyntax.sample("\(name)_bucket", "\(prefix)le=\"\(bound)\"", "\(total)")
        }
        text += MetricSyntax.sample("\(name)_sum", labels, MetricSyntax.number(sum))
        text += MetricSyntax.sample("\(name)_count", labels, "\(total)")
    }
}
