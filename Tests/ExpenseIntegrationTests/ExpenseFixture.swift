import Chronology
import Contracts
import EventLoop
import ExpenseAPI
import ExpenseApplication
import ExpenseInfrastructure
import GRPC
import Messaging
import Observability
import Postgres
import ServersTesting
import ServiceRuntime
import Testing

/// The expense service on a database of its own, called over gRPC as the gateway calls it.
struct ExpenseFixture {
    let loop: EventLoop
    let pool: PostgresPool
    let outbox: Outbox
    let categories: Categories
    let client: ExpenseServiceClient
    let databases: [String: String]
    let user = UUIDv7.make()

    /// Starts everything, runs `body`, ends everything, also on failure.
    static func run(_ body: (ExpenseFixture) async throws -> Void) async throws {
        let databases = try await TestPostgres.shared().makeServiceDatabases()
        let loop = try EventLoop(name: "expense-test")
        loop.start()
        var configuration = try PostgresPool.Configuration(url: try #require(databases["expense"]))
        configuration.callTimeout = .seconds(30)
        configuration.transactionTimeout = .seconds(60)
        configuration.unavailableTimeout = .seconds(20)
        let pool = try PostgresPool(loop: loop, configuration: configuration)
        await pool.start()
        let outbox = Outbox()
        let store = ExpenseRepository(pool: pool, outbox: outbox)
        let clock = SystemClock()
        let categories = Categories(store: store, clock: clock)
        let api = ExpenseAPI(
            categories: categories, expenses: Expenses(store: store, clock: clock),
            budgets: Budgets(store: store, clock: clock), reports: Reports(store: store),
            idempotent: IdempotentCalls(pool: pool), logger: .silent)
        let server = GRPCServer(
            loop: loop, configuration: GRPCServer.Configuration(address: .loopback(port: 0)),
            services: [ExpenseServiceHandlers(api)], logger: .silent)
        let channel = GRPCChannel(loop: loop, targets: [try await server.start()])
        var failure: (any Error)?
        do {
            try await Migrations(ExpenseSchema.migrations).run(on: pool)
            try await body(
                ExpenseFixture(
                    loop: loop, pool: pool, outbox: outbox, categories: categories,
                    client: ExpenseServiceClient(channel: channel), databases: databases))
        } catch {
            failure = error
        }
        await channel.shutdown()
        await server.shutdown(grace: .seconds(5))
        await pool.shutdown()
        await loop.shutdown()
        if let failure { throw failure }
    }

    /// Metadata of a call by the fixture's user, or by another.
    func metadata(_ caller: UUIDv7? = nil, key: String? = nil, fingerprint: String = "f") -> GRPCMetadata {
        var metadata = Caller(userID: caller ?? user).metadata
        if let key {
            metadata.append(IdempotentCalls.keyMetadata, key)
            metadata.append(IdempotentCalls.fingerprintMetadata, fingerprint)
        }
        return metadata
    }

    func category(_ name: String, parent: String? = nil) async throws -> String {
        try await client.createCategory(
            CreateCategoryRequest(name: name, parentID: parent), metadata: metadata(), timeout: .seconds(30)
        ).message.id
    }

    @discardableResult
    func expense(
        _ amount: String, on day: String = "2026-11-10", category: String? = nil, kind: String? = nil,
        currency: String = "EUR", merchant: String? = nil, tags: [String] = [],
        splits: [(category: String, amount: String)] = []
    ) async throws -> Expense {
        try await client.createExpense(
            CreateExpenseRequest(
                kind: kind, amount: Money(amount: amount, currency: currency), spentOn: day, categoryID: category,
                merchant: merchant, tags: tags,
                splits: splits.map {
                    Split(categoryID: $0.category, amount: Money(amount: $0.amount, currency: currency))
                }),
            metadata: metadata(), timeout: .seconds(30)
        ).message
    }

    /// Creates all of them side by side, the users taking turns; the answers in the order of the requests.
    func create(_ requests: [CreateExpenseRequest], by users: [UUIDv7]) async throws -> [Expense] {
        try await withThrowingTaskGroup(of: (Int, Expense).self) { group in
            for (number, request) in requests.enumerated() {
                let metadata = metadata(users[number % users.count])
                group.addTask {
                    let reply = try await client.createExpense(request, metadata: metadata, timeout: .seconds(60))
                    return (number, reply.message)
                }
            }
            return try await group.reduce(into: [Int: Expense]()) { $0[$1.0] = $1.1 }
                .sorted { $0.key < $1.key }.map(\.value)
        }
    }

    func delete(_ expense: Expense) async throws {
        _ = try await client.deleteExpense(
            DeleteExpenseRequest(id: expense.id), metadata: metadata(), timeout: .seconds(30))
    }

    func budget(
        _ limit: String = "200.00", category: String? = nil, startsOn: String = "2026-11-01", rollover: Bool = false,
        thresholds: [Int64] = [80, 100]
    ) async throws -> Budget {
        try await client.createBudget(
            CreateBudgetRequest(
                name: "Budget", categoryID: category, limit: Money(amount: limit, currency: "EUR"), period: "monthly",
                startsOn: startsOn, rollover: rollover, thresholds: thresholds), metadata: metadata(),
            timeout: .seconds(30)
        ).message
    }

    func status(_ budget: Budget, on day: String = "2026-11-30") async throws -> Contracts.BudgetStatus {
        try await client.getBudgetStatus(
            GetBudgetStatusRequest(id: budget.id, on: day), metadata: metadata(), timeout: .seconds(30)
        ).message
    }

    /// The events about a budget in the order they were written: `exceeded 80 #1`.
    ///
    /// Fails the test where their sequence has a gap.
    func thresholdEvents(of budget: Budget) async throws -> [String] { try await thresholdEvents(ofBudget: budget.id) }

    /// As `thresholdEvents(of:)`, by the budget's id.
    func thresholdEvents(ofBudget id: String) async throws -> [String] {
        let rows = try await pool.query(
            """
            SELECT split_part(e ->> 'type', '.', 3), e -> 'data' ->> 'threshold', e -> 'data' ->> 'crossing',
                (e ->> 'sequence')::bigint
            FROM (SELECT convert_from(event, 'UTF8')::jsonb AS e, position FROM outbox) events
            WHERE e ->> 'subject' = \(id) ORDER BY position
            """)
        return try rows.enumerated().map { index, row in
            let (type, threshold, crossing, sequence) = try row.decode(
                String.self, String.self, String.self, Int64.self)
            #expect(sequence == Int64(index + 1))
            return "\(type.dropFirst("budget_".count)) \(threshold) #\(crossing)"
        }
    }
}

extension CreateExpenseRequest {
    /// In EUR, with nothing that need not be.
    static func plain(_ amount: String, on day: String = "2026-11-10", category: String? = nil) -> CreateExpenseRequest
    {
        CreateExpenseRequest(amount: Money(amount: amount, currency: "EUR"), spentOn: day, categoryID: category)
    }
}

extension ExpenseFixture {
    /// Sends one request many times side by side; nil for those that were told that another one with their key still runs.
    func create(
        _ request: CreateExpenseRequest, withKeys keys: [String]
    ) async throws -> [ContractReply<Expense>?] {
        try await withThrowingTaskGroup(of: ContractReply<Expense>?.self) { group in
            for key in keys {
                let metadata = metadata(key: key)
                group.addTask {
                    do {
                        return try await client.createExpense(request, metadata: metadata, timeout: .seconds(60))
                    } catch let status as GRPCStatus where ProblemDetails(status).code == "idempotency_in_progress" {
                        return nil
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// The subjects of the events of a type that wait in the outbox.
    func events(of type: String) async throws -> Set<String> {
        let rows = try await pool.query(
            "SELECT convert_from(event, 'UTF8')::jsonb ->> 'subject' FROM outbox WHERE type = \(type)")
        let subjects = try rows.map { try $0.decode(String.self, at: 0) }
        #expect(Set(subjects).count == subjects.count)
        return Set(subjects)
    }
}

/// The code of the problem that a call is refused with, and the fields at fault.
func refusal(_ body: () async throws -> Void) async -> String? {
    do {
        try await body()
        return nil
    } catch let status as GRPCStatus {
        let problem = ProblemDetails(status)
        return ([problem.code] + problem.errors.map { "\($0.field):\($0.code)" }).joined(separator: " ")
    } catch {
        return "\(error)"
    }
}
