import Synchronization
import Testing

@testable import Observability

struct MetricsTests {
    @Test func rendersEveryKindInOrder() {
        let metrics = Metrics()
        let requests = metrics.counters("requests_total", help: "Requests.\nAll.", labels: ["method", "status"])
        requests.with("GET", "200").increment(by: 2)
        requests.with("POST", "a\"b\\c\nd").increment()
        metrics.gauge("depth", help: "Depth.").set(1.5)
        metrics.gauge("age_seconds", help: "Age.") { 3 }
        metrics.gauge("absent", help: "Not known.") { nil }
        let time = metrics.histogram("time_seconds", help: "Time.", buckets: [0.1, 1])
        time.observe(0.1)
        time.observe(.milliseconds(500))
        time.observe(7.0)
        #expect(
            metrics.render() == """
                # HELP absent Not known.
                # TYPE absent gauge
                # HELP age_seconds Age.
                # TYPE age_seconds gauge
                age_seconds 3
                # HELP depth Depth.
                # TYPE depth gauge
                depth 1.5
                # HELP requests_total Requests.\\nAll.
                # TYPE requests_total counter
                requests_total{method="GET",status="200"} 2
                requests_total{method="POST",status="a\\"b\\\\c\\nd"} 1
                # HELP time_seconds Time.
                # TYPE time_seconds histogram
                time_seconds_bucket{le="0.1"} 1
                time_seconds_bucket{le="1"} 2
                time_seconds_bucket{le="+Inf"} 3
                time_seconds_sum 7.6
                time_seconds_count 3

                """)
    }

    @Test func sameNameIsTheSameInstrument() {
        let metrics = Metrics()
        metrics.counter("a_total", help: "A.").increment()
        metrics.counter("a_total", help: "A.").increment(by: -5)
        #expect(metrics.counter("a_total", help: "A.").value == 1)
    }

    @Test func labelsAreBounded() {
        let metrics = Metrics()
        let family = metrics.counters("users_total", help: "U.", labels: ["user"])
        for index in 0..<(Metrics.maximumSeries * 2) { family.with("\(index)").increment() }
        #expect(family.with("other").value == Metrics.maximumSeries)
        #expect(metrics.render().split(separator: "\n").count == Metrics.maximumSeries + 1 + 2)
    }

    @Test func aFamilyMayHaveABoundOfItsOwn() {
        let metrics = Metrics()
        let family = metrics.counters("routes_total", help: "R.", labels: ["route", "status"], limit: 3)
        for index in 0..<10 { family.with("\(index)", "200").increment() }
        #expect(family.with("0", "200").value == 1 && family.with("other", "other").value == 7)
    }

    @Test func whatIsReadWhenItIsRenderedIsNew() {
        let metrics = Metrics()
        let number = Atomic<Int>(1)
        metrics.counter("read_total", help: "R.") { Double(number.load(ordering: .relaxed)) }
        metrics.gauges("read_by", help: "B.", labels: ["pool", "state"]) {
            [["a", "x"]: Double(number.load(ordering: .relaxed)), ["b\"", "x"]: 0, ["of another shape"]: 1]
        }
        number.store(7, ordering: .relaxed)
        #expect(
            metrics.render() == """
                # HELP read_by B.
                # TYPE read_by gauge
                read_by{pool="a",state="x"} 7
                read_by{pool="b\\"",state="x"} 0
                # HELP read_total R.
                # TYPE read_total counter
                read_total 7

                """)
    }

    @Test func concurrentUpdatesAreAllCounted() async {
        let metrics = Metrics()
        let counter = metrics.counter("n_total", help: "N.")
        let gauge = metrics.gauge("g", help: "G.")
        let histogram = metrics.histogram("h", help: "H.")
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 {
                        counter.increment()
                        gauge.add(1)
                        histogram.observe(0.001)
                    }
                }
            }
        }
        #expect(counter.value == 8000)
        #expect(gauge.value == 8000)
        #expect(histogram.count == 8000)
    }

    @Test(arguments: [
        (0.0, "0"), (-1, "-1"), (0.25, "0.25"), (1e20, "1e+20"), (.infinity, "+Inf"), (-.infinity, "-Inf"),
        (.nan, "NaN"),
    ])
    func numbers(_ value: Double, _ text: String) {
        #expect(MetricSyntax.number(value) == text)
    }

    @Test(arguments: [("a_b", true), ("a:b", true), ("", false), ("1a", false), ("a-b", false), ("é", false)])
    func names(_ name: String, _ isValid: Bool) {
        #expect(MetricSyntax.isName(name) == isValid)
    }
}
