import Testing

@testable import Postgres

@Suite struct MigrationPlanTests {
    private func plan(known: [Int], applied: [(Int, UInt8)]) throws(PostgresError) -> [Int] {
        try MigrationPlan(
            known: known.map { Migration(number: $0, name: "m", sql: "") },
            checksums: known.map { [UInt8($0)] },
            applied: applied.map { AppliedMigration(number: $0.0, checksum: [$0.1]) }
        ).pending.map(\.number)
    }

    @Test func whatIsMissingIsPending() throws {
        #expect(try plan(known: [1, 2, 3], applied: []) == [1, 2, 3])
        #expect(try plan(known: [1, 2, 5], applied: [(1, 1)]) == [2, 5])
        #expect(try plan(known: [1], applied: [(1, 1)]) == [])
        #expect(try plan(known: [], applied: []) == [])
    }

    @Test(
        arguments: [
            ([1, 2], [(1, 1), (2, 2), (3, 3)], PostgresError.Code.schemaTooNew),
            ([], [(1, 1)], .schemaTooNew),
            ([1, 2, 3], [(1, 1), (9, 9)], .schemaTooNew),
            ([1, 2], [(1, 7)], .migrationHistoryChanged),
            ([1, 2, 3], [(1, 1), (3, 3)], .migrationHistoryChanged),
            ([2, 3], [(1, 1), (2, 2)], .migrationHistoryChanged),
        ] as [([Int], [(Int, UInt8)], PostgresError.Code)])
    func irreconcilableHistoriesAreRefused(known: [Int], applied: [(Int, UInt8)], expected: PostgresError.Code) {
        do {
            _ = try plan(known: known, applied: applied)
            Issue.record("accepted")
        } catch {
            #expect(error.code == expected)
        }
    }

    @Test(arguments: [[0], [2, 1], [1, 1], [-1, 2]])
    func numbersOutOfOrderAreRefused(numbers: [Int]) {
        #expect(throws: PostgresError.self) {
            try Migrations(numbers.map { Migration(number: $0, name: "m", sql: "") })
        }
    }

    @Test func resourcesMustBeText() throws {
        #expect(try Migration(number: 1, name: "m", sql: Array("SELECT 1".utf8)).sql == "SELECT 1")
        #expect(throws: PostgresError.self) { try Migration(number: 1, name: "m", sql: [0xFF]) }
    }

    @Test func schemasHaveLocksOfTheirOwn() {
        let keys = Set([nil, "", "auth", "expense"].map { Migrations.lockKey(schema: $0) })
        #expect(keys.count == 3)
    }
}
