internal import Contracts
internal import EventLoop
internal import GRPC
internal import JSON
internal import Observability
internal import Testing

/// The table of routes, and routes that call a service over the network.
@Suite struct RouteTests {
    private func route(_ operation: String) throws -> GatewayRoute {
        try #require(GatewayRoutes.all.first { $0.operationID == operation })
    }

    @Test func everyRouteIsWellFormed() {
        #expect(GatewayRoutes.all.count > 30)
        var seen: Set<String> = []
        for route in GatewayRoutes.all {
            #expect(["GET", "POST", "PUT", "PATCH", "DELETE"].contains(route.method))
            #expect(seen.insert("\(route.method) \(route.path)").inserted)
            #expect(!route.tag.isEmpty && (200...204).contains(route.status) && route.maximumBody >= 1 << 20)
            let joined = route.segments.map { segment in
                switch segment {
                case .literal(let text): "/\(text)"
                case .parameter(let name): "/{\(name)}"
                }
            }
            #expect(joined.joined() == route.path)
        }
    }

    @Test func routesSayWhoMayUseThem() throws {
        #expect(try route("Login").access == .anyone)
        #expect(try route("CreateExpense").access == .user)
        #expect(try route("CreateExpense").scope == "expenses:write")
        #expect(try route("Logout").scope == nil)
        #expect(try route("ImportPrices").maximumBody == 64 << 20)
        #expect(try route("ImportPrices").hasJSONBody == false)
        #expect(try route("GetExpense").isVersioned && !route("ListExpenses").isVersioned)
    }

    @Test func aRouteReadsThePathAndAnswersWithTheVersion() async throws {
        try await withServices { clients in
            let input = RouteInput(pathParameters: ["e1"], query: [], body: [])
            let output = try await route("GetExpense").invoke(input, clients, ["x-in": "here"], .seconds(10))
            #expect(output.status == 200 && output.version == 7)
            #expect(try JSONDocument(parsing: output.body ?? []).root["id"]?.string == "e1")
            #expect(output.trailingMetadata["x-out"] == "here")
        }
    }

    @Test func aRouteReadsTheBody() async throws {
        try await withServices { clients in
            let body = #"{"amount":{"amount":"1.50","currency":"EUR"},"spent_on":"2026-11-20","tags":["a"]}"#
            let input = RouteInput(pathParameters: [], query: [], body: Array(body.utf8))
            let output = try await route("CreateExpense").invoke(input, clients, GRPCMetadata(), .seconds(10))
            #expect(output.status == 201)
            let answer = try JSONDocument(parsing: output.body ?? []).root
            #expect(output.location == answer["id"]?.string.map { "/v1/expenses/\($0)" } && output.location != nil)
            #expect(answer["amount"]?["amount"]?.string == "1.50")
            #expect(answer["tags"]?.elements.compactMap(\.string) == ["a"])
        }
    }

    @Test func aRouteReadsTheQuery() async throws {
        try await withServices { clients in
            let input = RouteInput(pathParameters: [], query: [("limit", "2"), ("cursor", "c")], body: [])
            let output = try await route("ListAudit").invoke(input, clients, GRPCMetadata(), .seconds(10))
            let answer = try JSONDocument(parsing: output.body ?? []).root
            #expect(answer["data"]?.elements.compactMap { $0["sequence"]?.int64 } == [1, 2])
            #expect(answer["next_cursor"]?.string == "c")
        }
    }

    @Test func anAnswerWithoutBodyHasNone() async throws {
        try await withServices { clients in
            let input = RouteInput(pathParameters: ["e1"], query: [], body: [])
            let output = try await route("DeleteExpense").invoke(input, clients, GRPCMetadata(), .seconds(10))
            #expect(output.status == 204 && output.body == nil && output.version == nil)
        }
    }

    @Test(
        arguments: [
            ("GetExpense", ["a\0"], [], "", "id:malformed"),
            ("GetExpense", ["a"], [("x", "1")], "", "x:unknown_field"),
            ("CreateExpense", [], [("x", "1")], "", ":invalid_json"),
            ("ListExpenses", [], [("from", "today")], "", "from:malformed"),
            ("ListExpenses", [], [("limit", "many")], "", "limit:wrong_type"),
            ("SummaryReport", [], [], "", "from:required"),
            ("CreateBudget", [], [], "{}", "name:required"),
        ] as [(String, [String], [(name: String, value: String)], String, String)])
    func whatCannotBeAcceptedNeverReachesTheService(
        _ operation: String, _ path: [String], _ query: [(name: String, value: String)], _ body: String, _ fault: String
    ) async throws {
        try await withServices { clients in
            let input = RouteInput(pathParameters: path, query: query, body: Array(body.utf8))
            let invoke = try route(operation).invoke
            let errors = await #expect(throws: RequestFieldErrors.self) {
                try await invoke(input, clients, GRPCMetadata(), .seconds(10))
            }
            #expect(errors?.errors.first.map { "\($0.field):\($0.code)" } == fault)
        }
    }

    @Test func refusalsOfTheServiceComeThrough() async throws {
        try await withServices { clients in
            let input = RouteInput(pathParameters: ["missing"], query: [], body: [])
            let invoke = try route("GetExpense").invoke
            let status = await #expect(throws: GRPCStatus.self) {
                try await invoke(input, clients, GRPCMetadata(), .seconds(10))
            }
            #expect(status?.code == .notFound)
        }
    }

    @Test func anUnreadableRequestIsAnInvalidArgument() async throws {
        try await withServices { clients, channel in
            let method = GRPCMethod(service: "florin.events.v1.EventsService", name: "ListAudit")
            let status = await #expect(throws: GRPCStatus.self) {
                try await channel.unary(method, [0x0A, 0x05], metadata: GRPCMetadata(), timeout: .seconds(10))
            }
            #expect(status?.code == .invalidArgument)
            let refused = await #expect(throws: GRPCStatus.self) {
                try await clients.expense.getExpense(GetExpenseRequest(id: "\0"), timeout: .seconds(10))
            }
            #expect(refused?.code == .invalidArgument)
        }
    }

    private func withServices(_ body: (GatewayClients) async throws -> Void) async throws {
        try await withServices { clients, _ in try await body(clients) }
    }

    private func withServices(_ body: (GatewayClients, GRPCChannel) async throws -> Void) async throws {
        let loop = try EventLoop(name: "contracts")
        loop.start()
        let logger = Logger(service: "contracts-tests", level: .error)
        let address = try SocketAddress(parsing: "127.0.0.1:0")
        let server = GRPCServer(
            loop: loop, configuration: GRPCServer.Configuration(address: address),
            services: [EventsServiceHandlers(AuditOfTwo()), ExpensesOfOne()], logger: logger)
        let channel = GRPCChannel(loop: loop, targets: [try await server.start()])
        let clients = GatewayClients(auth: channel, events: channel, expense: channel, portfolio: channel)
        var failure: (any Error)?
        do { try await body(clients, channel) } catch { failure = error }
        await channel.shutdown()
        await server.shutdown(grace: .zero)
        await loop.shutdown()
        if let failure { throw failure }
    }
}

/// Answers with as many entries as are asked for.
private struct AuditOfTwo: EventsServiceProvider {
    func listAudit(_ request: ListAuditRequest, context: ServerContext) async throws -> AuditList {
        AuditList(data: (1...(request.limit ?? 1)).map { AuditEntry(sequence: $0) }, nextCursor: request.cursor)
    }
}

/// The expense service as far as the routes under test need it, below the generated provider.
private struct ExpensesOfOne: GRPCService {
    let name = "florin.expense.v1.ExpenseService"

    var handlers: [String: GRPCHandler] {
        [
            "GetExpense": .unary { bytes, context in
                let request = try GetExpenseRequest(serialized: bytes)
                guard request.id != "missing" else { throw GRPCStatus(.notFound, "no such expense") }
                context.setTrailingMetadata(["x-out": context.metadata["x-in"] ?? ""])
                return try Expense(id: request.id, version: 7).serialized()
            },
            "CreateExpense": .unary { bytes, _ in
                let request = try CreateExpenseRequest(serialized: bytes)
                return try Expense(id: "new", amount: request.amount, tags: request.tags, version: 1).serialized()
            },
            "DeleteExpense": .unary { _, _ in try Empty().serialized() },
        ]
    }
}
