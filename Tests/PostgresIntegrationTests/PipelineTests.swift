import Testing

@testable import Postgres

@Suite struct PipelineTests {
    private static let failure = PostgresError(.server(.uniqueViolation), "")

    private func request() -> BatchRequest {
        BatchRequest(token: CallToken(), queries: [], role: .statements, deadline: .seconds(1), continuation: nil)
    }

    /// Appends a batch of `steps` and returns its request.
    private func add(_ steps: [Pipeline.Step], to pipeline: inout Pipeline) -> BatchRequest {
        let request = request()
        var batch = Pipeline.Batch(id: pipeline.nextID(), request: request, lease: nil, mayCommit: true)
        batch.steps = steps
        pipeline.append(batch)
        return request
    }

    private func step(_ sql: String) -> Pipeline.Step {
        .execute(StatementKey(PostgresQuery(unescaped: sql)), isVisible: true)
    }

    @Test func anErrorStaysInItsBatch() throws {
        var pipeline = Pipeline(statementLimit: 4)
        _ = add([step("a"), step("b")], to: &pipeline)
        _ = add([step("c")], to: &pipeline)
        for event in [Pipeline.Event.failure(Self.failure), .endOfCommand, .skipped, .endOfCommand] {
            let completed = try pipeline.receive(event)
            #expect(completed?.id == nil)
        }
        let first = try pipeline.receive(.sync)
        #expect(first?.error?.sqlState == .uniqueViolation)
        #expect(pipeline.count == 1)
        let second = try pipeline.receive(.sync)
        #expect(second?.error == nil)
        #expect(pipeline.isEmpty)
    }

    @Test func theFirstErrorIsTheOneReported() throws {
        var pipeline = Pipeline(statementLimit: 4)
        _ = add([step("a")], to: &pipeline)
        _ = try pipeline.receive(.failure(Self.failure))
        _ = try pipeline.receive(.failure(PostgresError(.server(.deadlockDetected), "")))
        #expect(try pipeline.receive(.sync)?.error?.sqlState == .uniqueViolation)
    }

    @Test func aSkippedPreparationIsForgotten() throws {
        var pipeline = Pipeline(statementLimit: 4)
        let key = StatementKey(PostgresQuery(unescaped: "b"))
        let id = pipeline.nextID()
        #expect(pipeline.statements.use(key, in: id) == .prepare(name: "s1"))
        var batch = Pipeline.Batch(id: id, request: request(), lease: nil, mayCommit: true)
        batch.steps = [step("a"), .prepare(key), .execute(key, isVisible: true)]
        pipeline.append(batch)
        for event in [Pipeline.Event.failure(Self.failure), .endOfCommand, .skipped, .endOfCommand, .skipped, .sync] {
            _ = try pipeline.receive(event)
        }
        #expect(pipeline.statements.count == 0)
    }

    @Test func anAbandonedBatchIsAnsweredOnce() throws {
        var pipeline = Pipeline(statementLimit: 4)
        let first = add([step("a")], to: &pipeline)
        let second = add([step("b")], to: &pipeline)
        let abandoned = pipeline.abandon { $0.token === second.token }
        #expect(abandoned.map(\.id) == [2])
        #expect(pipeline.abandon { $0.token === second.token }.isEmpty)
        #expect(pipeline.abandon { $0.token === first.token }.count == 1)
        #expect(try pipeline.receive(.sync)?.isAbandoned == true)
    }

    @Test func wordsOutOfPlaceAreRefused() {
        var pipeline = Pipeline(statementLimit: 4)
        #expect(throws: PostgresError.self) { try pipeline.receive(.sync) }
        _ = add([], to: &pipeline)
        #expect(throws: PostgresError.self) { try pipeline.receive(.skipped) }
    }

    @Test func aFailureAtTheSyncIsTheBatchs() throws {
        var pipeline = Pipeline(statementLimit: 4)
        _ = add([], to: &pipeline)
        #expect(try pipeline.receive(.failure(Self.failure))?.id == nil)
        #expect(try pipeline.receive(.sync)?.error?.sqlState == .uniqueViolation)
    }

    @Test func aStrayEndOfCommandIsNoProgress() throws {
        var pipeline = Pipeline(statementLimit: 4)
        _ = add([step("a")], to: &pipeline)
        _ = try pipeline.receive(.endOfCommand)
        _ = try pipeline.receive(.failure(Self.failure))
        #expect(try pipeline.receive(.sync)?.error != nil)
    }

    @Test func thousandsOfBatchesPassThrough() throws {
        var pipeline = Pipeline(statementLimit: 4)
        for _ in 0..<100 { _ = add([], to: &pipeline) }
        for round in 0..<5000 {
            _ = add([], to: &pipeline)
            #expect(try pipeline.receive(.sync)?.id == UInt64(round + 1))
        }
        #expect(pipeline.count == 100)
        #expect(pipeline.removeAll().count == 100)
        #expect(pipeline.isEmpty)
    }
}
