internal import Chronology
package import Contracts
package import EventLoop
package import HTTPServer
package import Observability
internal import ServiceRuntime
internal import Tokens

/// Answers HTTP requests: names each, finds what serves it, finds out who asks and how often, checks what was sent, has it
/// answered, and gives every answer the same form.
///
/// Each stage is a call of its own that refuses by throwing `Refusal`.
package final class Gateway: Sendable {
    /// What a gateway works with.
    package struct Parts: Sendable {
        package let clients: GatewayClients
        package let keys: AccessKeys
        package let authenticator: Authenticator
        package let limiter: any RateLimiter
        package let limits: RateLimits
        package let streams: EventStreams
        package let archive: UserArchive
        /// The events that streams are resumed from.
        package let history: StreamHistory
        /// Whose word is taken for where a request comes from.
        package let proxies: TrustedProxies
        /// The public address, the issuer of tokens.
        package let issuer: String
        /// The bounds of the services; the same for what the parts ask of them.
        package let dependencies: Dependencies
        /// How long each may take.
        package let deadlines: CallDeadlines
        /// What all answers have in common.
        package let rules: ResponseRules

        package init(
            clients: GatewayClients, keys: AccessKeys, authenticator: Authenticator, limiter: any RateLimiter,
            limits: RateLimits, streams: EventStreams, archive: UserArchive, history: StreamHistory,
            proxies: TrustedProxies = .none, issuer: String,
            dependencies: Dependencies, deadlines: CallDeadlines = CallDeadlines(),
            rules: ResponseRules = ResponseRules()
        ) {
            self.clients = clients
            self.keys = keys
            self.authenticator = authenticator
            self.limiter = limiter
            self.limits = limits
            self.streams = streams
            self.archive = archive
            self.history = history
            self.proxies = proxies
            self.issuer = issuer
            self.dependencies = dependencies
            self.deadlines = deadlines
            self.rules = rules
        }
    }

    private let loop: EventLoop
    private let parts: Parts
    private let routes: RouteTable
    private let calls: ServiceCalls
    private let record: RequestRecord

    package init(loop: EventLoop, parts: Parts, logger: Logger, metrics: Metrics) {
        self.loop = loop
        self.parts = parts
        routes = RouteTable(
            routes: GatewayRoutes.all, limits: parts.limits, deadlines: parts.deadlines,
            documents: Documents.all(issuer: parts.issuer))
        calls = ServiceCalls(clients: parts.clients, dependencies: parts.dependencies, logger: logger)
        record = RequestRecord(logger: logger, metrics: metrics)
    }

    /// Answers a request.
    package func answer(_ request: HTTPRequest) async -> HTTPResponse {
        let began = loop.now
        record.begin()
        let names = RequestNames(request.headers)
        return await names.bound { await answer(request, names, since: began) }
    }

    private func answer(_ request: HTTPRequest, _ names: RequestNames, since began: Duration) async -> HTTPResponse {
        let exchange = Exchange(
            request: request, names: names,
            client: parts.proxies.client(behind: request.remote.host, request.headers))
        var response: HTTPResponse
        do throws(Refusal) {
            response = try await serve(exchange)
        } catch {
            exchange.refusal = error
            response = ProblemDocument.response(to: error, requestID: names.id, instance: request.path)
        }
        for field in exchange.rateLimit?.fields ?? [] { response.headers.append(field.name, field.value) }
        parts.rules.complete(&response, to: request.head, requestID: names.id)
        record.end(exchange.entry(status: response.status), with: &response, after: loop.now - began)
        return response
    }

    /// Answers what the HTTP server refuses by itself: in the form of every other refusal, and written down as one.
    package func refuse(_ refusal: HTTPRefusal, _ head: HTTPRequestHead?, from remote: SocketAddress) -> HTTPResponse {
        let headers = head?.headers ?? HTTPHeaders()
        let names = RequestNames(head?.headers)
        let refused = Refusal(refusal)
        var response = ProblemDocument.response(to: refused, requestID: names.id, instance: head?.path)
        // It is not counted: to be told that there were too many would cost as much, and nothing behind the gateway has heard of it.
        let client = RateLimitSubject(address: parts.proxies.client(behind: remote.host, headers))
        let standing = parts.limiter.standing(of: client, under: parts.limits.anonymous)
        for field in standing.fields { response.headers.append(field.name, field.value) }
        parts.rules.complete(&response, to: head, requestID: names.id)
        var entry = RequestEntry(
            method: head?.method, status: response.status, names: names, code: refused.problem.code,
            rule: refusal.description)
        if let head {
            switch routes.find(head) {
            case .found(let endpoint, _): entry.route = endpoint.label
            case .otherMethods(_, let endpoint):
                entry.route = endpoint.label
                entry.method = nil
            case .notFound: break
            }
        }
        record.write(entry, with: &response)
        return response
    }

    /// The most bytes of a body that a request may have, decided by its head: more than the usual only for those who are
    /// signed in, since the memory for it is taken before anything else is looked at.
    package func bodyLimit(for head: HTTPRequestHead) -> Int {
        guard case .found(let endpoint, _) = routes.find(head), endpoint.maximumBody > RouteTable.smallBody,
            case .bearer(let token) = Credentials(head.headers), parts.authenticator.isKnown(token)
        else { return RouteTable.smallBody }
        return endpoint.maximumBody
    }

    private func serve(_ exchange: Exchange) async throws(Refusal) -> HTTPResponse {
        let request = exchange.request
        let outcome = request.path == "*" ? .notFound : routes.find(request.head)
        guard case .found(let endpoint, let parameters) = outcome else {
            if case .otherMethods(_, let endpoint) = outcome {
                exchange.route = endpoint.label
                exchange.isMethodServed = request.method == .options
            }
            try await limit(exchange, parts.limits.anonymous)
            return try Self.answerWithoutEndpoint(request, outcome)
        }
        exchange.route = endpoint.label
        try await limitGuesses(exchange, endpoint)
        do throws(Refusal) {
            let admission = try await parts.authenticator.admit(request, to: endpoint)
            (exchange.bearer, exchange.end) = (admission?.bearer, admission?.end)
        } catch {
            try await limit(exchange, parts.limits.anonymous)
            throw error
        }
        try await limit(exchange, endpoint.policy)
        if let bearer = exchange.bearer { try Authenticator.authorize(bearer, for: endpoint) }
        try RequestRules.checkAccept(request, endpoint)
        try RequestRules.checkContent(request, endpoint)
        do throws(Refusal) {
            return try await perform(endpoint, parameters, exchange)
        } catch {
            if let end = exchange.end, error.problem.status == 401 { throw end }
            throw error
        }
    }

    private func perform(
        _ endpoint: Endpoint, _ parameters: [String], _ exchange: Exchange
    ) async throws(Refusal) -> HTTPResponse {
        let request = exchange.request
        switch endpoint.action {
        case .call(let route): return try await calls.answer(exchange, parameters, through: route)
        case .document(let document):
            return try document.response(to: request)
        case .keySet:
            try RequestRules.checkNoQuery(request)
            guard let document = parts.keys.document else { throw .unavailable("auth") }
            return HTTPResponse(
                headers: [
                    "Content-Type": "application/json",
                    "Cache-Control": "public, max-age=\(parts.keys.lifetime.components.seconds)",
                ],
                body: .bytes(document))
        case .exportUser:
            try RequestRules.checkNoQuery(request)
            guard let identity = exchange.identity else { throw Refusal(ProblemDetails.internalError) }
            guard request.method != .head else { return .unwritten(UserArchive.fields) }
            return try await parts.archive.response(
                for: identity.userID, exchange.names, CallMetadata.ofCaller(exchange), at: SystemClock().now())
        case .streamEvents:
            try RequestRules.checkNoQuery(request)
            guard let identity = exchange.identity else { throw Refusal(ProblemDetails.internalError) }
            let last = try StreamHistory.lastEvent(request.headers)
            guard request.method != .head else { return .unwritten(EventStreams.fields) }
            return try await parts.streams.open(
                for: identity, after: last, from: parts.history, as: exchange.names)
        }
    }

    /// Refuses a client that was refused too often already, rather than have the auth service asked about one more API token.
    private func limitGuesses(_ exchange: Exchange, _ endpoint: Endpoint) async throws(Refusal) {
        guard parts.authenticator.mustAsk(exchange.request, to: endpoint) else { return }
        let (client, policy) = (RateLimitSubject(address: exchange.client), parts.limits.anonymous)
        if !parts.limiter.standing(of: client, under: policy).isAdmitted { try await limit(exchange, policy) }
    }

    /// Counts the request; 429 when there were too many.
    private func limit(_ exchange: Exchange, _ policy: RateLimitPolicy) async throws(Refusal) {
        let subject: RateLimitSubject =
            exchange.identity.map { .user($0.userID) } ?? RateLimitSubject(address: exchange.client)
        let decision = await parts.limiter.admit(subject, policy)
        exchange.rateLimit = decision
        guard decision.isAdmitted else {
            throw Refusal(
                .rateLimited, "At most \(policy.quota) requests in \(policy.window.components.seconds) seconds.",
                retryAfter: decision.reset)
        }
    }

    /// OPTIONS, and what nobody serves.
    private static func answerWithoutEndpoint(
        _ request: HTTPRequest, _ outcome: Router<Endpoint>.Outcome
    ) throws(Refusal) -> HTTPResponse {
        let methods: [HTTPMethod]
        if case .otherMethods(let allowed, _) = outcome {
            methods = allowed
        } else {
            guard request.method == .options, request.path == "*" else { throw .unknownPath }
            methods = HTTPMethod.allCases.filter { $0 != .trace && $0 != .query }
        }
        let allow = methods.map(\.rawValue).joined(separator: ", ")
        if request.method == .options { return HTTPResponse(status: 204, headers: ["Allow": allow]) }
        throw Refusal(
            ProblemCode.methodNotAllowed.problem("This path takes \(allow)."), fields: [("Allow", allow)])
    }
}

/// A request on its way through the stages; of one task alone.
final class Exchange {
    let request: HTTPRequest
    let names: RequestNames
    /// Where it comes from, also where a proxy is between.
    let client: SocketAddress.Host
    /// The path template that serves it.
    var route = RequestEntry.noRoute
    /// Whether the path takes the method.
    var isMethodServed = true
    var bearer: Bearer?
    /// Why the bearer's access has ended; nil where it goes on.
    var end: Refusal?
    var identity: Identity? { bearer?.identity }
    var rateLimit: RateLimitDecision?
    /// Why the request ended, where it was refused.
    var refusal: Refusal?

    init(request: HTTPRequest, names: RequestNames, client: SocketAddress.Host) {
        self.request = request
        self.names = names
        self.client = client
    }

    /// What is written down of the request.
    func entry(status: Int) -> RequestEntry {
        RequestEntry(
            method: isMethodServed ? request.method : nil, route: route, status: status, names: names,
            userID: identity?.userID, code: refusal?.problem.code,
            dependency: refusal?.dependency)
    }
}

extension HTTPResponse {
    /// What HEAD gets of a stream: its fields, among them no length, which nobody knows.
    fileprivate static func unwritten(_ fields: HTTPHeaders) -> HTTPResponse {
        HTTPResponse(headers: fields, body: .stream { _ in })
    }
}

extension Gateway {
    /// The server that the gateway answers through.
    package func server(
        listeningOn address: SocketAddress, _ adjust: (inout HTTPServer.Configuration) -> Void = { _ in }
    ) -> HTTPServer {
        var configuration = HTTPServer.Configuration(address: address)
        configuration.bodyLimit = { [self] head in bodyLimit(for: head) }
        configuration.isShared = { [parts] address in parts.proxies.contains(address) }
        configuration.refusal = { [self] in refuse($0, $1, from: $2) }
        adjust(&configuration)
        return HTTPServer(loop: loop, configuration: configuration) { [self] request in await answer(request) }
    }
}
