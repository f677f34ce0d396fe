package import Contracts
package import GRPC
package import Messaging
package import Observability

/// `florin.operations.v1.DeadLetterService` over the letters of one service.
///
/// Like every service's gRPC it is reached by the other services and by operators alone; the gateway has no route to it.
package struct DeadLetterAPI: DeadLetterServiceProvider {
    /// What the letters' ids and answers call the service, such as `expense`.
    package let service: String
    private let store: DeadLetterStore
    private let logger: Logger

    /// Serves what the store holds.
    package init(service: String, store: DeadLetterStore, logger: Logger) {
        self.service = service
        self.store = store
        self.logger = logger
    }

    package func listDeadLetters(_ request: DeadLetterQuery, context: ServerContext) async throws -> DeadLetterPage {
        try await context.answer(logger: logger) { try await list(request) }
    }

    package func listDeadLetterGroups(
        _ request: DeadLetterQuery, context: ServerContext
    ) async throws -> DeadLetterGroupPage {
        try await context.answer(logger: logger) { try await groups(request) }
    }

    package func getDeadLetter(
        _ request: DeadLetterReference, context: ServerContext
    ) async throws -> DeadLetterRecord {
        try await context.answer(logger: logger) {
            guard let record = try await show(request.number) else {
                throw ProblemDetails.notFound("There is no such dead letter.")
            }
            return record
        }
    }

    package func decideDeadLetters(
        _ request: DeadLetterDecision, context: ServerContext
    ) async throws -> DeadLetterOutcome {
        try await context.answer(logger: logger) { try await decide(request) }
    }

    // MARK: The same without a call

    /// One page; as long as asked for unless there are no more.
    ///
    /// - Throws: `ProblemDetails` for what the query cannot mean, `PostgresError`.
    package func list(_ query: DeadLetterQuery) async throws -> DeadLetterPage {
        let letters = try await store.list(query.filter(), after: query.after, limit: query.pageSize())
        return DeadLetterPage(data: letters.map(entry))
    }

    /// The largest groups, as many as asked for.
    ///
    /// - Throws: `ProblemDetails` for what the query cannot mean, `PostgresError`.
    package func groups(_ query: DeadLetterQuery) async throws -> DeadLetterGroupPage {
        let groups = try await store.groups(query.filter(), limit: query.pageSize())
        return DeadLetterGroupPage(data: groups.map(entry))
    }

    /// One letter; nil when there is none of this number.
    package func show(_ number: Int64) async throws -> DeadLetterRecord? {
        try await store.show(number).map(record)
    }

    /// Replays, discards or archives.
    ///
    /// - Throws: `ProblemDetails` for what the decision cannot mean, `PostgresError`.
    package func decide(_ decision: DeadLetterDecision) async throws -> DeadLetterOutcome {
        let selection = try decision.selection()
        let missing = try await missing(decision.letterNumbers)
        let change =
            switch decision.action {
            case "replay": try await store.replay(selection, isDryRun: decision.dryRun)
            case "discard": try await store.discard(selection, isDryRun: decision.dryRun)
            case "archive": try await store.archive(selection, isDryRun: decision.dryRun)
            default: throw ProblemDetails.badRequest("invalid_request", "There is no such decision.")
            }
        if !change.isDryRun, change.selected > 0 {
            logger.notice(
                "dead letters were decided on", [.code: .string(decision.action), .count: .int(change.selected)])
        }
        return DeadLetterOutcome(
            service: service, selected: Int64(change.selected), following: Int64(change.following),
            dryRun: change.isDryRun, missing: missing)
    }

    private func missing(_ numbers: [Int64]) async throws -> [String] {
        guard !numbers.isEmpty else { return [] }
        let found = try await store.existing(numbers)
        return numbers.filter { !found.contains($0) }.map(id)
    }
}
