internal import Chronology
internal import HTTPServer
internal import Observability

/// Writes down each request: a log line without personal data, and how many there are of a kind, how they end, how long
/// they take.
struct RequestRecord: Sendable {
    /// More than all methods, routes and statuses that there are together.
    private static let maximumSeries = 5000
    /// What is written of a client that left before it was answered, as nginx has it.
    private static let clientLeft = 499

    private let logger: Logger
    private let requests: Family<Counter>
    private let durations: Family<Histogram>
    private let underWay: Gauge

    init(logger: Logger, metrics: Metrics) {
        self.logger = logger
        requests = metrics.counters(
            "florin_http_requests_total", help: "HTTP requests answered.", labels: ["method", "route", "status"],
            limit: Self.maximumSeries)
        durations = metrics.histograms(
            "florin_http_request_seconds", help: "Time from a request to its answer, to the beginning of a stream.",
            labels: ["method", "route"])
        underWay = metrics.gauge(
            "florin_http_requests_in_flight", help: "HTTP requests that wait for their answer.")
    }

    /// A request waits for its answer from now on.
    func begin() { underWay.add(1) }

    /// The request has an answer. It is counted, and written down when the answer has gone out; what the answer begins as a
    /// stream is counted at once and written down at its end.
    func end(_ entry: RequestEntry, with response: inout HTTPResponse, after duration: Duration) {
        underWay.add(-1)
        durations.with(entry.methodLabel, entry.route).observe(duration)
        write(entry, with: &response)
    }

    /// Has an answer counted and written down.
    func write(_ entry: RequestEntry, with response: inout HTTPResponse) {
        let isStream = if case .stream = response.body { true } else { false }
        if isStream { count(entry, entry.status) }
        response.whenDone = { [self] outcome in
            let status = outcome.isComplete || isStream ? entry.status : Self.clientLeft
            if !isStream { count(entry, status) }
            log(entry, status, outcome)
        }
    }

    private func count(_ entry: RequestEntry, _ status: Int) {
        requests.with(entry.methodLabel, entry.route, "\(status)").increment()
    }

    private func log(_ entry: RequestEntry, _ status: Int, _ outcome: HTTPOutcome) {
        guard logger.isEnabled(.info) else { return }
        var logger = logger
        if let version = outcome.version { logger = logger.with([.networkProtocol: .string(version.name)]) }
        if let user = entry.userID { logger = logger.with([.userID: .string(user.description)]) }
        if let code = entry.code { logger = logger.with([.code: .string(code)]) }
        if let rule = entry.rule { logger = logger.with([.rule: .string(rule)]) }
        if let dependency = entry.dependency { logger = logger.with([.dependency: .string(dependency)]) }
        if !outcome.isComplete { logger = logger.with([.isAborted: true]) }
        entry.names.bound {
            logger.info(
                "request",
                [
                    .method: .string(entry.methodLabel), .route: .string(entry.route), .status: .int(status),
                    .duration: .milliseconds(outcome.duration), .receivedBytes: .int(outcome.receivedBytes),
                    .sentBytes: .int(outcome.sentBytes),
                ])
        }
    }
}

/// What is written down of a request. None of it is the client's own words but the request's id, whose form leaves no room
/// for an address of any kind, and the trace's.
struct RequestEntry: Sendable {
    /// What stands for a path that nobody serves, and for one that could not be read.
    static let noRoute = "none"

    /// Nil where it could not be read, and where the route does not take it.
    var method: HTTPMethod?
    /// The path template; never the path itself, which could hold anything.
    var route = RequestEntry.noRoute
    var status: Int
    var names: RequestNames
    var userID: UUIDv7?
    /// The problem's code, where the answer is one.
    var code: String?
    /// The rule of the HTTP server that was broken.
    var rule: String?
    /// The service that did not answer.
    var dependency: String?

    var methodLabel: String { method?.rawValue ?? "other" }
}

extension HTTPVersion {
    /// The name as logs have it.
    fileprivate var name: String {
        switch self {
        case .http10: "HTTP/1.0"
        case .http11: "HTTP/1.1"
        case .http2: "HTTP/2"
        }
    }
}
