import Synchronization

/// The series of one metric name.
package final class Family<Instrument: MetricInstrument>: MetricFamily {
    /// The metric's name.
    package let name: String
    let labels: [String]
    private let help: String
    private let limit: Int
    private let make: @Sendable () -> Instrument
    private let series = Mutex<[[String]: Instrument]>([:])

    convenience init(
        name: StaticString, help: StaticString, labels: [StaticString], limit: Int = Metrics.maximumSeries,
        make: @escaping @Sendable () -> Instrument
    ) {
        self.init(
            name: name.description, help: help.description, labels: labels.map(\.description), limit: limit, make: make)
    }

    init(
        name: String, help: String, labels: [String], limit: Int = Metrics.maximumSeries,
        make: @escaping @Sendable () -> Instrument
    ) {
        precondition(MetricSyntax.isName(name), "metric name")
        precondition(labels.allSatisfy(MetricSyntax.isLabel), "metric label")
        self.name = name
        self.help = help
        self.labels = labels
        self.limit = limit
        self.make = make
    }

    /// The series of these label values, in the order in which the labels were declared.
    package func with(_ values: String...) -> Instrument { with(values) }

    func with(_ values: [String]) -> Instrument {
        precondition(values.count == labels.count, "metric \(name) needs \(labels.count) label values")
        return series.withLock { series in
            if let known = series[values] { return known }
            let key = series.count < limit ? values : values.map { _ in "other" }
            if let known = series[key] { return known }
            let instrument = make()
            series[key] = instrument
            return instrument
        }
    }

    func render(to text: inout String) {
        text += "# HELP \(name) \(MetricSyntax.escapedHelp(help))\n# TYPE \(name) \(Instrument.kind)\n"
        let all = series.withLock { Array($0) }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        for (values, instrument) in all {
            let pairs = zip(labels, values).map { "\($0)=\"\(MetricSyntax.escapedLabel($1))\"" }
            instrument.render(name: name, labels: pairs.joined(separator: ","), to: &text)
        }
    }
}

/// Gauges of one metric name that are read when they are rendered.
final class CallbackFamily: MetricFamily {
    let name: String
    private let labels: [String]
    private let help: String
    private let read: @Sendable () -> [[String]: Double]

    init(
        name: StaticString, help: StaticString, labels: [StaticString],
        read: @escaping @Sendable () -> [[String]: Double]
    ) {
        self.name = name.description
        self.help = help.description
        self.labels = labels.map(\.description)
        self.read = read
    }

    func render(to text: inout String) {
        let family = Family(name: name, help: help, labels: labels) { Gauge() }
        for (values, number) in read() where values.count == labels.count { family.with(values).set(number) }
        family.render(to: &text)
    }
}

/// Names, labels and numbers as the text format has them.
enum MetricSyntax {
    static func isName(_ name: String) -> Bool { isLabel(name.replacing(":", with: "_")) }

    static func isLabel(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: true
            default: false
            }
        }
    }

    static func escapedHelp(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    }

    static func escapedLabel(_ text: String) -> String { escapedHelp(text).replacing("\"", with: "\\\"") }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == value.rounded(), abs(value) < 1e15 { return "\(Int64(value))" }
        return "\(value)"
    }

    /// One sample line.
    static func sample(_ name: String, _ labels: String, _ value: String) -> String {
        labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }
}
