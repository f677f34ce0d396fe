import Chronology
import Contracts
import GRPC
import GatewayAPI
import HTTPTesting
import ServiceRuntime
import Synchronization
import Testing
import TestKit

/// Who may do what, over real sockets.
@Suite(.timeLimit(.minutes(5))) struct AccessTests {
    @Test func refusesWhoIsNotKnown() async throws {
        try await GatewayBench.run { bench in
            let valid = try bench.tokens.make()
            let tampered = valid.dropLast(4) + (valid.hasSuffix("AAAA") ? "BBBB" : "AAAA")
            let cases: [(header: String?, code: String)] = [
                (nil, "unauthenticated"), ("Basic YTpi", "invalid_access_token"), ("Bearer", "invalid_access_token"),
                ("Bearer x", "invalid_access_token"), ("Bearer \(valid) x", "invalid_access_token"),
                ("Bearer \(valid),\(valid)", "invalid_access_token"), ("Bearer \(valid)=", "invalid_access_token"),
                ("Bearer ä", "invalid_access_token"), ("Bearer \(tampered)", "invalid_access_token"),
                ("Bearer \(try bench.tokens.make(lifetime: .seconds(-120)))", "invalid_access_token"),
                ("Bearer \(try bench.tokens.make(issuer: "https://other.example"))", "invalid_access_token"),
            ]
            for (header, code) in cases {
                let headers = header.map { ["Authorization: \($0)"] } ?? []
                let answer = try await bench.send("GET", "/v1/expenses", headers: headers)
                #expect(answer.status == 401, "\(header ?? "none")")
                #expect(try answer.json("code") == code, "\(header ?? "none")")
                let challenge = code == "unauthenticated" ? "" : #", error="invalid_token""#
                #expect(answer["www-authenticate"] == #"Bearer realm="florin""# + challenge)
            }
            #expect(!bench.services.received.contains { $0.method == "ListExpenses" })
        }
    }

    @Test func asksForTheScope() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) in ExpenseList() }
            let token = try bench.tokens.make(scopes: ["expenses:read"])
            #expect(try await bench.send("GET", "/v1/expenses", token: token).status == 200)
            for path in ["/v1/users/me", "/v1/events/stream"] {
                let answer = try await bench.send("GET", path, token: token)
                #expect(answer.status == 403)
                #expect(try answer.json("code") == "insufficient_scope")
                #expect(answer["www-authenticate"]?.contains("insufficient_scope") == true)
            }
        }
    }

    @Test func aTokenIsCheckedEachTime() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) in ExpenseList() }
            let (user, session) = (UUIDv7.make(), UUIDv7.make())
            let token = try bench.tokens.make(user: user, session: session)
            let other = try bench.tokens.make(user: user)
            for _ in 0..<2 { #expect(try await bench.send("GET", "/v1/expenses", token: token).status == 200) }
            try await bench.revoke(session, of: user)
            try await eventually("the session is refused") {
                try await bench.send("GET", "/v1/expenses", token: token).status == 401
            }
            #expect(try await bench.send("GET", "/v1/expenses", token: other).status == 200)
        }
    }

    /// A client that lost the answer to what ended its session may ask for it again; the service is told that it may do no more.
    @Test func theEndOfASessionIsToldAgain() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("Logout") { (_: Empty, context) in
                guard context.metadata["idempotency-key"] == "k" else {
                    throw ProblemDetails.unauthenticated().grpcStatus
                }
                context.setTrailingMetadata(["idempotency-replayed": "true"])
                return Empty()
            }
            bench.services.on("CreateExpense") { (_: CreateExpenseRequest, _) in Expense() }
            let (user, session) = (UUIDv7.make(), UUIDv7.make())
            let token = try bench.tokens.make(user: user, session: session)
            let send = { (method: String, path: String, key: String?) in
                try await bench.send(
                    method, path, token: token, headers: key.map { ["Idempotency-Key: \($0)"] } ?? [])
            }
            #expect(try await send("POST", "/v1/auth/logout", "k").status == 204)
            try await bench.revoke(session, of: user)
            try await eventually("the session is refused") { try await send("GET", "/v1/expenses", nil).status == 401 }
            let again = try await send("POST", "/v1/auth/logout", "k")
            #expect(again.status == 204 && again["idempotency-replayed"] == "true")
            let asked = { bench.services.received.filter { $0.method == "Logout" } }
            #expect(asked().map { $0.metadata["florin-access-ended"] } == [nil, "true"])
            for (method, path, key) in [
                ("POST", "/v1/auth/logout", "other"), ("POST", "/v1/auth/logout", nil), ("GET", "/v1/users/me", "k"),
                ("DELETE", "/v1/expenses/1", "k"), ("POST", "/v1/expenses", "k"),
            ] {
                let refused = try await send(method, path, key)
                #expect(refused.status == 401 && refused["www-authenticate"]?.contains("invalid_token") == true)
                #expect(try refused.json("detail") == "The session has ended.")
            }
            #expect(asked().count == 3 && bench.services.received.allSatisfy { $0.method != "CreateExpense" })
        }
    }

    @Test func anUnknownKeyIsAskedForOnceInAWhile() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) in ExpenseList() }
            let tokens = bench.tokens
            bench.services.on("GetKeySet") { (_: Empty, _) in
                Contracts.KeySet(keys: [tokens.published(), tokens.published(id: "k2")])
            }
            let before = bench.services.received.count
            let rotated = try tokens.make(keyID: "k2")
            #expect(try await bench.send("GET", "/v1/expenses", token: rotated).status == 200)
            #expect(try await bench.send("GET", "/v1/expenses", token: tokens.make()).status == 200)
            for number in 3..<13 {
                let forged = try tokens.make(keyID: "k\(number)")
                #expect(try await bench.send("GET", "/v1/expenses", token: forged).status == 401)
            }
            let fetches = bench.services.received.dropFirst(before).count { $0.method == "GetKeySet" }
            #expect(fetches == 1)
        }
    }

    /// However many come at once with names that are not known, there is one fetch, and all that it brings are let in.
    @Test func aCrowdWithUnknownKeysAsksOnce() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) in ExpenseList() }
            let tokens = bench.tokens
            bench.services.on("GetKeySet") { (_: Empty, _) in
                try await Task.sleep(for: .milliseconds(50))
                return Contracts.KeySet(keys: [tokens.published(), tokens.published(id: "k2")])
            }
            let before = bench.services.received.count
            let clients = try (0..<60).map { _ in try SocketClient(bench.address) }
            for (number, client) in clients.enumerated() {
                let token = try tokens.make(keyID: number.isMultiple(of: 2) ? "k2" : "forged-\(number)")
                try await client.send(bench.request("GET", "/v1/expenses", token: token))
            }
            var statuses: [Int] = []
            for client in clients { statuses.append(try await client.answer().status) }
            #expect(statuses == clients.indices.map { $0.isMultiple(of: 2) ? 200 : 401 })
            #expect(bench.services.received.dropFirst(before).count { $0.method == "GetKeySet" } == 1)
        }
    }

    /// Keys are kept between fetches, follow the auth service at the next one, and stay while it is away.
    @Test func theKeysAreKeptAndRenewed() async throws {
        try await GatewayBench.run({ $0.keyRenewal = .milliseconds(50) }) { bench in
            bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) in ExpenseList() }
            let tokens = bench.tokens
            let (old, new) = (try tokens.make(), try tokens.make(keyID: "k2"))
            #expect(try await bench.send("GET", "/v1/expenses", token: old).status == 200)
            bench.services.on("GetKeySet") { (_: Empty, _) in Contracts.KeySet(keys: [tokens.published(id: "k2")]) }
            try await eventually("the old key is forgotten") {
                try await bench.send("GET", "/v1/expenses", token: old).status == 401
            }
            #expect(try await bench.send("GET", "/v1/expenses", token: new).status == 200)
            bench.services.on("GetKeySet") { (_: Empty, _) -> Contracts.KeySet in throw GRPCStatus(.unavailable) }
            let before = bench.services.received.count { $0.method == "GetKeySet" }
            try await eventually("fetches fail") {
                bench.services.received.count { $0.method == "GetKeySet" } > before + 2
            }
            #expect(try await bench.send("GET", "/v1/expenses", token: new).status == 200)
            let document = try await bench.send("GET", "/.well-known/jwks.json")
            #expect(
                document.status == 200 && document.body.contains(#""kid":"k2""#)
                    && !document.body.contains(#""kid":"k1""#))
        }
        try await GatewayBench.run { bench in
            let token = try bench.tokens.make()
            for _ in 0..<50 { _ = try await bench.send("GET", "/v1/expenses", token: token) }
            #expect(bench.services.received.count { $0.method == "GetKeySet" } == 1)
        }
    }

    @Test func publishesTheKeys() async throws {
        try await GatewayBench.run { bench in
            let answer = try await bench.send("GET", "/.well-known/jwks.json")
            #expect(answer.status == 200 && answer["cache-control"] == "public, max-age=300")
            #expect(answer.body.contains(#""kid":"k1""#) && answer.body.contains(bench.tokens.published().n))
        }
    }
}

extension GatewayBench {
    /// Publishes that a session has ended.
    func revoke(_ session: UUIDv7, of user: UUIDv7) async throws {
        let payload = SessionsRevokedV1(
            userID: user.description, sessionIDs: [session.description], reason: "logout",
            revokedAt: "2026-11-20T09:30:00.123Z")
        try await publish(
            SessionsRevokedV1.type, user: user, data: String(decoding: payload.encoded(), as: UTF8.self))
    }
}
