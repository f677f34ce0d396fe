package import HTTPServer
import JSON
package import Observability
import Synchronization

/// Answers what operators and orchestrators ask of every process: `/livez`, `/readyz`, `/metrics`, and what the program adds.
package final class AdminHandler: Sendable {
    /// Answers a request to one path.
    package typealias Route = @Sendable (HTTPRequest) async -> HTTPResponse

    private let readiness: Readiness
    private let metrics: Metrics
    private let routes = Mutex<[String: Route]>([:])
    private let subtrees = Mutex<[String: Route]>([:])

    package init(readiness: Readiness, metrics: Metrics) {
        self.readiness = readiness
        self.metrics = metrics
    }

    /// Adds a path of the program's own.
    package func route(_ path: String, _ route: @escaping Route) { routes.withLock { $0[path] = route } }

    /// Adds all paths that begin with a segment, such as `dead-letters`, that path itself included.
    package func route(allUnder segment: String, _ route: @escaping Route) {
        subtrees.withLock { $0[segment] = route }
    }

    /// Answers a request.
    package func answer(_ request: HTTPRequest) async -> HTTPResponse {
        let added = routes.withLock { $0[request.path] }
        if let added { return await added(request) }
        let first = request.pathSegments.first
        let subtree = subtrees.withLock { subtrees in first.flatMap { subtrees[$0] } }
        if let subtree { return await subtree(request) }
        guard ["/livez", "/readyz", "/metrics"].contains(request.path) else { return .text("not found\n", status: 404) }
        guard request.method == .get || request.method == .head else {
            var response = HTTPResponse.text("method not allowed\n", status: 405)
            response.headers.append("Allow", "GET, HEAD")
            return response
        }
        switch request.path {
        case "/livez": return .text("ok\n")
        case "/metrics": return metricsResponse()
        default: return await readinessResponse()
        }
    }

    private func metricsResponse() -> HTTPResponse {
        HTTPResponse(
            headers: ["Content-Type": "text/plain; version=0.0.4; charset=utf-8"],
            body: .bytes(Array(metrics.render().utf8)))
    }

    /// `{"ready": true, "checks": {"database": "ready"}}`; 503 with the reasons when something is missing.
    private func readinessResponse() async -> HTTPResponse {
        let report = await readiness.report()
        var json = JSONWriter()
        json.beginObject()
        json.key("ready")
        json.bool(report.isReady)
        json.key("checks")
        json.beginObject()
        for check in report.checks {
            json.key(text: check.name)
            json.string(check.reason ?? "ready")
        }
        json.endObject()
        json.endObject()
        return HTTPResponse(
            status: report.isReady ? 200 : 503,
            headers: ["Content-Type": "application/json", "Cache-Control": "no-store"],
            body: .bytes(json.bytes + [0x0A]))
    }
}
