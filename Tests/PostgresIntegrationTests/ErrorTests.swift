import Testing

@testable import Postgres

@Suite struct ErrorTests {
    @Test(arguments: [
        ("40001", true), ("40P01", true), ("40002", false), ("08006", true), ("08003", true), ("57P01", true),
        ("57P02", true),
        ("57P03", true), ("53300", true), ("53100", true), ("55P03", true), ("57014", false), ("23505", false),
        ("42601", false), ("22001", false), ("XX000", false), ("0A000", false), ("25P02", false),
    ])
    func statesAreRetriableOrNot(state: String, expected: Bool) {
        #expect(PostgresError(.server(SQLState(state)), "").isRetriable == expected)
    }

    @Test(arguments: [
        (PostgresError.Code.connectionFailed, true), (.connectionLost, true), (.timedOut, true), (.poolExhausted, true),
        (.cancelled, false), (.poolClosed, false), (.transactionAborted, false), (.typeMismatch, false),
        (.migrationHistoryChanged, false), (.schemaTooNew, false), (.invalidQuery, false),
    ])
    func codesAreRetriableOrNot(code: PostgresError.Code, expected: Bool) {
        #expect(PostgresError(code, "").isRetriable == expected)
    }

    @Test func conflictsAreTold() {
        #expect(PostgresError(.server(.deadlockDetected), "").isConflict)
        #expect(PostgresError(.server(.serializationFailure), "").isConflict)
        #expect(!PostgresError(.server(.uniqueViolation), "").isConflict)
        #expect(!PostgresError(.connectionLost, "").isConflict)
    }

    @Test func descriptionsHaveTheirParts() {
        let lost = PostgresError(
            .connectionLost, "the connection broke", isOutcomeUnknown: true, serverMessage: "secret")
        #expect("\(lost)" == "connectionLost: the connection broke (outcome unknown)")
        #expect(String(reflecting: lost).contains("secret"))
        #expect("\(PostgresError(.server(.deadlockDetected), ""))" == "server 40P01")
        #expect("\(lost.withOutcomeUnknown(false))" == "connectionLost: the connection broke")
    }
}
