internal import Contracts
internal import HTTPServer
internal import Observability

/// What the gateway serves at a method and path.
struct Endpoint: Sendable {
    /// Who answers.
    enum Action: Sendable {
        /// A service, through its route.
        case call(GatewayRoute, service: String, deadline: Duration)
        /// The live stream of events.
        case streamEvents
        /// The keys that verify access tokens.
        case keySet
        /// A document that is part of the program.
        case document(StaticDocument)
    }

    /// The path template, for logs and metrics.
    let path: String
    let access: RouteAccess
    /// What a token needs beside its access; nil where nothing is asked.
    let scope: String?
    /// How often a caller may come.
    let policy: RateLimitPolicy
    /// What the answer is, as `type/subtype`.
    let mediaType: StaticString
    let content: RequestContent
    let action: Action
}

/// What a request may carry.
enum RequestContent: Sendable {
    case none
    case json
    case file
}

extension Endpoint {
    /// How long a service may take, and how long where it is handed a file.
    static let deadline = Duration.seconds(10)
    static let fileDeadline = Duration.seconds(50)

    /// The endpoint of a service's route.
    init(_ route: GatewayRoute, limits: RateLimits) {
        let isChange = route.method != "GET"
        path = route.path
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
            route, service: Endpoint.shortName(ofService: route.service),
            deadline: takesFile ? Endpoint.fileDeadline : Endpoint.deadline)
    }

    /// An endpoint that the gateway answers itself; read only.
    init(
        path: String, access: RouteAccess = .anyone, scope: String? = nil, policy: RateLimitPolicy,
        mediaType: StaticString, action: Action
    ) {
        self.path = path
        self.access = access
        self.scope = scope
        self.policy = policy
        self.mediaType = mediaType
        content = .none
        self.action = action
    }

    /// The largest body.
    var maximumBody: Int {
        if case .call(let route, _, _) = action { route.maximumBody } else { RouteTable.smallBody }
    }

    /// `expense` of `florin.expense.v1.ExpenseService`.
    private static func shortName(ofService name: String) -> String {
        let words = name.split(separator: ".")
        return words.count > 1 ? String(words[1]) : name
    }
}
