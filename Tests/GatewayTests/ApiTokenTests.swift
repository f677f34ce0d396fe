import Chronology
import Contracts
import GRPC
import GatewayAPI
import HTTPTesting
import ServiceRuntime
import Synchronization
import Testing
import TestKit
import Tokens

/// Personal API tokens over real sockets.
@Suite(.timeLimit(.minutes(5))) struct ApiTokenTests {
    private let token = PersonalToken.make().text
    private let user = UUIDv7.make()
    private let id = UUIDv7.make()

    private func serve(_ bench: GatewayBench, scopes: [String] = ["expenses:read", "events:read"]) {
        bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) in ExpenseList() }
        bench.services.on("ResolveApiToken") { (request: ResolveApiTokenRequest, _) in
            guard request.token == token else { throw ProblemDetails.notFound().grpcStatus }
            return ApiTokenIdentity(
                tokenID: id.description, userID: user.description, roles: ["user", "admin"], scopes: scopes)
        }
    }

    private func questions(_ bench: GatewayBench) -> Int {
        bench.services.received.count { $0.method == "ResolveApiToken" }
    }

    @Test func standsForItsOwner() async throws {
        try await GatewayBench.run { bench in
            serve(bench)
            for _ in 0..<5 { #expect(try await bench.send("GET", "/v1/expenses", token: token).status == 200) }
            let caller = try Caller(try #require(bench.services.received.last).metadata)
            #expect(
                caller == Caller(userID: user, roles: ["user", "admin"], scopes: ["expenses:read", "events:read"]))
            #expect(questions(bench) == 1)
        }
    }

    @Test func mayDoWhatItsScopesSay() async throws {
        try await GatewayBench.run { bench in
            serve(bench)
            let refused = try await bench.send("GET", "/v1/users/me", token: token)
            #expect(try refused.status == 403 && refused.json("code") == "insufficient_scope")
        }
    }

    /// Whoever adds a route has to say what a token needs for it, or that none is enough.
    @Test func mayDoNothingThatNamesNoScope() async throws {
        try await GatewayBench.run { bench in
            serve(bench, scopes: AccessTokens.scopes + ["profile:write", "portfolio:read"])
            let routes = GatewayRoutes.all.filter { $0.access != .anyone && $0.scope == nil }
            #expect(routes.count >= 15 && routes.contains { $0.access == .admin })
            for route in routes {
                let path = route.path.split(separator: "/").map {
                    $0.hasPrefix("{") ? UUIDv7.make().description : "\($0)"
                }
                let answer = try await bench.send(
                    route.method, "/" + path.joined(separator: "/"), token: token,
                    body: route.hasJSONBody ? "{}" : nil)
                #expect(answer.status == 403, "\(route.method) \(route.path)")
                #expect(try answer.json("code") == "no_session", "\(route.method) \(route.path)")
            }
            #expect(
                bench.services.received.allSatisfy {
                    ["GetKeySet", "ResolveApiToken"].contains($0.method)
                })
        }
    }

    @Test func whatIsNoTokenIsNotAskedFor() async throws {
        try await GatewayBench.run { bench in
            serve(bench)
            let mistyped = String(token.dropLast()) + (token.hasSuffix("A") ? "B" : "A")
            for text in ["flp_", "flp_x", mistyped, token + "A"] {
                let answer = try await bench.send("GET", "/v1/expenses", token: text)
                #expect(try answer.status == 401 && answer.json("code") == "invalid_access_token")
            }
            #expect(questions(bench) == 0)
            let unknown = PersonalToken.make().text
            for _ in 0..<5 { #expect(try await bench.send("GET", "/v1/expenses", token: unknown).status == 401) }
            #expect(questions(bench) == 1)
        }
    }

    /// Whoever makes up tokens is not worth a question for each; who is known goes on at the same address.
    @Test func whoMakesTokensUpIsNotAskedFor() async throws {
        try await GatewayBench.run({
            $0.limiter = MemoryRateLimiter(now: { .seconds(1) })
            $0.limits = RateLimits(user: 10_000, anonymous: 5)
        }) { bench in
            serve(bench)
            #expect(try await bench.send("GET", "/v1/expenses", token: token).status == 200)
            for _ in 0..<5 {
                let made = PersonalToken.make().text
                #expect(try await bench.send("GET", "/v1/expenses", token: made).status == 401)
            }
            #expect(questions(bench) == 6)
            for _ in 0..<20 {
                let refused = try await bench.send("GET", "/v1/expenses", token: PersonalToken.make().text)
                #expect(refused.status == 429 && refused["ratelimit"] == #""anonymous";r=0;t=60"#)
            }
            #expect(questions(bench) == 6)
            #expect(try await bench.send("GET", "/v1/expenses", token: token).status == 200)
            #expect(try await bench.send("GET", "/v1/expenses", token: bench.tokens.make()).status == 200)
        }
    }

    @Test func isRefusedWhenItWasEnded() async throws {
        try await GatewayBench.run { bench in
            serve(bench)
            #expect(try await bench.send("GET", "/v1/expenses", token: token).status == 200)
            bench.services.on("ResolveApiToken") { (_: ResolveApiTokenRequest, _) -> ApiTokenIdentity in
                throw ProblemDetails.notFound().grpcStatus
            }
            let payload = ApiTokenRevokedV1(
                userID: user.description, tokenIDs: [id.description], revokedAt: "2026-11-20T09:30:00.123Z")
            try await bench.publish(
                ApiTokenRevokedV1.type, user: user, data: String(decoding: payload.encoded(), as: UTF8.self))
            try await eventually("it is refused") {
                try await bench.send("GET", "/v1/expenses", token: token).status == 401
            }
        }
    }

    @Test func endsSoonAlsoWithoutAnEvent() async throws {
        try await GatewayBench.run({ $0.apiTokenLifetime = .seconds(1) }) { bench in
            serve(bench)
            #expect(try await bench.send("GET", "/v1/expenses", token: token).status == 200)
            bench.services.on("ResolveApiToken") { (_: ResolveApiTokenRequest, _) -> ApiTokenIdentity in
                throw ProblemDetails.notFound().grpcStatus
            }
            try await eventually("it is refused") {
                try await bench.send("GET", "/v1/expenses", token: token).status == 401
            }
        }
    }

    @Test func withoutTheAuthServiceNobodyCanTell() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("ResolveApiToken") { (_: ResolveApiTokenRequest, _) -> ApiTokenIdentity in
                throw GRPCStatus(.unavailable)
            }
            let answer = try await bench.send("GET", "/v1/expenses", token: token)
            #expect(answer.status == 503 && answer["retry-after"] != nil)
        }
    }
}

/// Access tokens that say what is no longer so.
@Suite(.timeLimit(.minutes(5))) struct ChangedAccessTests {
    private func update(
        _ bench: GatewayBench, _ user: UUIDv7, status: String = "active", roles: [String]
    ) async throws {
        let payload = UserUpdatedV1(
            userID: user.description, email: "a@example.org", displayName: "A", baseCurrency: "EUR", locale: "en",
            timeZone: "UTC", status: status, roles: roles, updatedAt: SystemClock().now().description)
        try await bench.publish(
            UserUpdatedV1.type, user: user, data: String(decoding: payload.encoded(), as: UTF8.self))
    }

    @Test func rolesThatWereTakenEndWithTheEvent() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("ListUsers") { (_: ListUsersRequest, _) in AdminUserList() }
            let user = UUIDv7.make()
            let token = try bench.tokens.make(user: user, roles: ["user", "admin"])
            #expect(try await bench.send("GET", "/v1/admin/users", token: token).status == 200)
            try await update(bench, user, roles: ["user"])
            try await eventually("the token is refused") {
                try await bench.send("GET", "/v1/admin/users", token: token).status == 401
            }
            let refreshed = try bench.tokens.make(user: user, roles: ["user"])
            let answer = try await bench.send("GET", "/v1/admin/users", token: refreshed)
            #expect(try answer.status == 403 && answer.json("code") == "forbidden")
        }
    }

    @Test func anotherNameEndsNothing() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) in ExpenseList() }
            let (user, locked) = (UUIDv7.make(), UUIDv7.make())
            let token = try bench.tokens.make(user: user)
            let other = try bench.tokens.make(user: locked)
            try await update(bench, user, roles: ["user"])
            try await update(bench, locked, status: "locked", roles: ["user"])
            try await eventually("the locked one is refused") {
                try await bench.send("GET", "/v1/expenses", token: other).status == 401
            }
            #expect(try await bench.send("GET", "/v1/expenses", token: token).status == 200)
        }
    }

    @Test func anAccountThatIsGoneIsRefused() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) in ExpenseList() }
            let user = UUIDv7.make()
            let token = try bench.tokens.make(user: user)
            #expect(try await bench.send("GET", "/v1/expenses", token: token).status == 200)
            let payload = UserDeletedV1(
                userID: user.description, erasureID: "e", deletedAt: SystemClock().now().description)
            try await bench.publish(
                UserDeletedV1.type, user: user, data: String(decoding: payload.encoded(), as: UTF8.self))
            try await eventually("the token is refused") {
                try await bench.send("GET", "/v1/expenses", token: token).status == 401
            }
        }
    }

    /// What no event told: the broker was away.
    @Test func whatWasMissedIsAskedFor() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) in ExpenseList() }
            let (ended, demoted, removed) = (UUIDv7.make(), UUIDv7.make(), UUIDv7.make())
            let session = UUIDv7.make()
            let tokens = [
                try bench.tokens.make(user: ended, session: session),
                try bench.tokens.make(user: demoted, roles: ["user", "admin"]), try bench.tokens.make(user: removed),
            ]
            for token in tokens { #expect(try await bench.send("GET", "/v1/expenses", token: token).status == 200) }
            let asked = Mutex<[String]>([])
            bench.services.on("ListRevocations") { (request: ListRevocationsRequest, _) in
                asked.withLock { $0.append(request.since) }
                let now = SystemClock().now().description
                guard request.cursor == "c" else {
                    return RevocationList(
                        changes: [
                            AccessChange(
                                userID: demoted.description, status: "active", roles: ["user"], changedAt: now)
                        ], removedUserIDs: [removed.description], listedAt: now, nextCursor: "c")
                }
                return RevocationList(sessionIDs: [session.description], listedAt: now)
            }
            for token in tokens {
                try await eventually("it is refused") {
                    try await bench.send("GET", "/v1/expenses", token: token).status == 401
                }
            }
            let since = try #require(asked.withLock { $0.last }.flatMap { Timestamp(rfc3339: $0) })
            #expect(SystemClock().now() - since < .seconds(120))
        }
    }
}
