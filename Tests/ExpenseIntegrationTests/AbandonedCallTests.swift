import Contracts
import EventLoop
import GRPC
import Postgres
import TestKit
import Testing

/// The database works for nobody who has gone. The bound of a statement is half a minute here: what ends earlier was ended.
@Suite(.timeLimit(.minutes(5))) struct AbandonedCallTests {
    /// A call that waits for a lock which somebody else holds, and what holds it.
    struct Blocked: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let lock: PostgresQuery
        let call: @Sendable (ExpenseFixture, _ expense: String, _ timeout: Duration) async throws -> Void
    }

    private static let table: PostgresQuery = "LOCK TABLE expenses IN ACCESS EXCLUSIVE MODE"
    private static let blocked = [
        Blocked(testDescription: "a read", lock: table) { service, expense, timeout in
            _ = try await service.client.getExpense(
                GetExpenseRequest(id: expense), metadata: service.metadata(), timeout: timeout)
        },
        Blocked(testDescription: "a plain write", lock: table) { service, _, timeout in
            _ = try await service.client.createExpense(
                .plain("2.00"), metadata: service.metadata(), timeout: timeout)
        },
        Blocked(testDescription: "a write with a key", lock: table) { service, _, timeout in
            _ = try await service.client.createExpense(
                .plain("2.00"), metadata: service.metadata(key: "k"), timeout: timeout)
        },
        Blocked(testDescription: "a transaction", lock: "SELECT 1 FROM expenses FOR UPDATE") {
            service, expense, timeout in
            _ = try await service.client.deleteExpense(
                DeleteExpenseRequest(id: expense), metadata: service.metadata(), timeout: timeout)
        },
    ]

    /// The statements that wait for a lock.
    private func waiting(_ pool: PostgresPool) async throws -> Int64 {
        try await pool.query(
            """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND state = 'active' AND wait_event_type = 'Lock'
            """
        ).first(as: Int64.self)
    }

    /// Runs `body` with a pool of two connections beside that of the service, one for a lock and one to look: a pool sends what
    /// has to wait behind what waits.
    private func withOutsider(
        of service: ExpenseFixture, _ body: (PostgresPool) async throws -> Void
    ) async throws {
        let url = try #require(service.databases["expense"])
        var configuration = try PostgresPool.Configuration(url: url)
        configuration.minimumConnections = 2
        configuration.callTimeout = .seconds(30)
        let pool = try PostgresPool(loop: service.loop, configuration: configuration)
        await pool.start()
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body(pool))
        } catch {
            outcome = .failure(error)
        }
        await pool.shutdown()
        try outcome.get()
    }

    @Test(arguments: blocked, [false, true]) func itsStatementIsCancelled(_ one: Blocked, leaves: Bool) async throws {
        try await ExpenseFixture.run { service in
            let expense = try await service.expense("1.00").id
            try await withOutsider(of: service) { outsider in
                try await outsider.withTransaction(timeout: .seconds(120)) { holder in
                    try await holder.query(one.lock)
                    let task = Task { try await one.call(service, expense, .seconds(leaves ? 100 : 8)) }
                    try await eventually("it waits for the lock") { try await waiting(outsider) == 1 }
                    if leaves { task.cancel() }
                    let outcome = await task.result
                    #expect(throws: GRPCStatus.self) { try outcome.get() }
                    try await eventually("nobody waits any more", within: .seconds(15)) {
                        try await waiting(outsider) == 0
                    }
                }
            }
            // Nothing was done, and everything can be done.
            let count = try await service.pool.query("SELECT count(*) FROM expenses").first(as: Int64.self)
            #expect(count == 1)
            try await one.call(service, expense, .seconds(60))
        }
    }

    /// Callers who share a group: as long as one of them waits it goes on.
    @Test func aGroupIsForWhoeverIsLeft() async throws {
        try await ExpenseFixture.run { service in
            try await service.expense("1.00")
            try await withOutsider(of: service) { outsider in
                let last = try await outsider.withTransaction(timeout: .seconds(120)) { holder in
                    try await holder.query(Self.table)
                    let tasks = (0..<20).map { _ in Task { try await service.expense("2.00") } }
                    try await eventually("they wait for the lock") { try await waiting(outsider) > 0 }
                    for task in tasks.dropLast() { task.cancel() }
                    for task in tasks.dropLast() {
                        let outcome = await task.result
                        #expect(throws: GRPCStatus.self) { try outcome.get() }
                    }
                    return tasks[19]
                }
                #expect(try await last.value.amount?.amount == "2.00")
            }
        }
    }
}
