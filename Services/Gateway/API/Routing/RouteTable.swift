internal import Contracts
internal import HTTPServer

/// Everything that the gateway serves.
struct RouteTable: Sendable {
    /// The most bytes of a body that anybody may send.
    static let smallBody = 1 << 20

    private let router: Router<Endpoint>
    /// The path templates with their methods, for metrics.
    let endpoints: [(method: HTTPMethod, endpoint: Endpoint)]

    init(
        routes: [GatewayRoute], limits: RateLimits, deadlines: CallDeadlines = CallDeadlines(),
        documents: [(path: String, document: StaticDocument)]
    ) {
        let versioned = Set(routes.filter { $0.isVersioned && $0.method != "POST" }.map(\.path))
        var all: [(method: HTTPMethod, segments: [RouteSegment], endpoint: Endpoint)] = []
        for route in routes {
            guard let method = HTTPMethod(rawValue: route.method) else {
                preconditionFailure("a route has a method that HTTP does not know")
            }
            all.append(
                (
                    method, route.segments,
                    Endpoint(
                        route, isVersioned: versioned.contains(route.path), limits: limits, deadlines: deadlines)
                ))
        }
        var own = [
            Endpoint(
                path: "/v1/events/stream", access: .user, scope: "events:read", policy: limits.user,
                mediaType: "text/event-stream", action: .streamEvents),
            Endpoint(
                path: "/v1/users/me/export", access: .user, policy: limits.user, mediaType: "application/json",
                action: .exportUser),
            Endpoint(
                path: "/.well-known/jwks.json", policy: limits.anonymous, mediaType: "application/json",
                action: .keySet),
        ]
        own += documents.map { path, document in
            Endpoint(
                path: path, label: ProblemPages.template(of: path), policy: limits.anonymous,
                mediaType: document.mediaType, action: .document(document))
        }
        all += own.map { (.get, Self.segments(of: $0.path), $0) }
        var router = Router<Endpoint>()
        for (method, segments, endpoint) in all { router.add(method, segments, endpoint) }
        self.router = router
        endpoints = all.map { ($0.method, $0.endpoint) }
    }

    /// What serves a request.
    func find(_ head: HTTPRequestHead) -> Router<Endpoint>.Outcome { router.find(head.method, head.pathSegments) }

    private static func segments(of path: String) -> [RouteSegment] {
        path.split(separator: "/").map { .literal(String($0)) }
    }
}
