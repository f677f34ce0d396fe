internal import HTTPServer
internal import Observability
internal import Tokens

/// Writes down each request: a log line without personal data, and how many there are of a kind, how they end, how long
/// they take.
struct RequestRecord: Sendable {
    private let logger: Logger
    private let requests: Family<Counter>
    private let durations: Family<Histogram>

    init(logger: Logger, metrics: Metrics) {
        self.logger = logger
        requests = metrics.counters(
            "florin_http_requests_total", help: "HTTP requests answered.", labels: ["method", "route", "status"])
        durations = metrics.histograms(
            "florin_http_request_seconds", help: "Time from a request to its answer.", labels: ["method", "route"])
    }

    /// Notes a request that was answered.
    ///
    /// - Parameter route: the path template; never the path itself, which could hold anything.
    func note(
        _ method: HTTPMethod, route: String, status: Int, requestID: String, identity: Identity?, duration: Duration
    ) {
        requests.with(method.rawValue, route, "\(status)").increment()
        durations.with(method.rawValue, route).observe(duration)
        guard logger.isEnabled(.info) else { return }
        let logger = identity.map { self.logger.with([.userID: .string($0.userID.description)]) } ?? self.logger
        logger.info(
            "request",
            [
                .method: .string(method.rawValue), .route: .string(route), .status: .int(status),
                .duration: .milliseconds(duration), .requestID: .string(requestID),
            ])
    }
}
