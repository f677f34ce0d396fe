internal import Contracts
internal import HTTPServer
internal import Observability
internal import Resilience

/// What the gateway serves at a method and path.
///
/// An object, since each request holds it across all its waits: as a value it made up most of a request's memory.
final class Endpoint: Sendable {
    /// Who answers.
    enum Action: Sendable {
        /// A service, through its route.
        case call(ServiceRoute)
        /// Everything that is known of the caller.
        case exportUser
        /// The live stream of events.
        case streamEvents
        /// The keys that verify access tokens.
        case keySet
        /// A document that is part of the program.
        case document(StaticDocument)
    }

    let path: String
    /// The path template, for logs and metrics.
    let label: String
    let access: RouteAccess
    /// What a token needs beside its access; nil where nothing is asked.
    let scope: String?
    /// How often a caller may come.
    let policy: RateLimitPolicy
    /// What the answer is, as `type/subtype`.
    let mediaType: StaticString
    let content: RequestContent
    let action: Action

    /// The endpoint of a service's route.
    ///
    /// - Parameter isVersioned: whether what the path names has a version, and with it an entity tag.
    init(_ route: GatewayRoute, isVersioned: Bool, limits: RateLimits, deadlines: CallDeadlines) {
        let isChange = route.method != "GET"
        path = route.path
        label = route.path
        access = route.access
        scope = route.scope
        mediaType = "application/json"
        if route.access != .anyone {
            policy = limits.user
        } else {
            policy = isChange && route.tag == "auth" ? limits.signIn : limits.anonymous
        }
        let takesFile = !route.hasJSONBody && isChange && route.method != "DELETE"
        content = route.hasJSONBody ? .json : takesFile ? .file : .none
        action = .call(
            ServiceRoute(route, isVersioned: isVersioned, deadline: takesFile ? deadlines.file : deadlines.call))
    }

    /// An endpoint that the gateway answers itself; read only.
    init(
        path: String, label: String? = nil, access: RouteAccess = .anyone, scope: String? = nil,
        policy: RateLimitPolicy,
        mediaType: StaticString, action: Action
    ) {
        self.path = path
        self.label = label ?? path
        self.access = access
        self.scope = scope
        self.policy = policy
        self.mediaType = mediaType
        content = .none
        self.action = action
    }

    /// Whether a request may be one over again that ended its caller's access: a change of accounts or sessions, with a key.
    func mayHaveEndedAccess(_ request: HTTPRequest) -> Bool {
        guard case .call(let call) = action, call.service == "auth" else { return false }
        return !request.method.isSafe && request.headers.contains("Idempotency-Key")
    }

    /// The largest body.
    var maximumBody: Int {
        if case .call(let call) = action { call.route.maximumBody } else { RouteTable.smallBody }
    }
}

/// How long services may take; shorter than the server's own bound of a handler.
package struct CallDeadlines: Sendable {
    /// For most calls.
    package var call = Duration.seconds(10)
    /// Where the service is handed a file.
    package var file = Duration.seconds(50)

    package init() {}
}

/// A route of a service, with what the gateway adds to it.
final class ServiceRoute: Sendable {
    let route: GatewayRoute
    /// The service's short name, such as `expense`.
    let service: String
    /// How long the service may take.
    let deadline: Duration
    /// Which failures allow that a call is made again: any where it only reads.
    let repetition: Repetition
    /// Whether what the path names has a version.
    let isVersioned: Bool

    init(_ route: GatewayRoute, isVersioned: Bool, deadline: Duration) {
        self.route = route
        self.isVersioned = isVersioned
        repetition = route.method == "GET" ? .always : .whenUnsent
        service = route.shortServiceName
        self.deadline = deadline
    }
}

/// What a request may carry.
enum RequestContent: Sendable {
    case none
    case json
    case file
}
