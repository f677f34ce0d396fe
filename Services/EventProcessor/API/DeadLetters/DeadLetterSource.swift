package import Contracts
package import GRPC
package import ServiceRuntime

/// Where the letters of one service are reached.
package protocol DeadLetterSource: Sendable {
    /// One page of letters.
    func list(_ query: DeadLetterQuery) async throws -> DeadLetterPage
    /// The largest groups.
    func groups(_ query: DeadLetterQuery) async throws -> DeadLetterGroupPage
    /// One letter; nil when there is none of this number.
    func show(_ number: Int64) async throws -> DeadLetterRecord?
    /// Replays, discards or archives.
    func decide(_ decision: DeadLetterDecision) async throws -> DeadLetterOutcome
}

/// The letters of this service, in the database at hand.
extension DeadLetterAPI: DeadLetterSource {}

/// The letters of another service, which is asked for them: its database is its own.
package struct RemoteDeadLetters: DeadLetterSource {
    /// Bounds of a call; a decision about many thousand letters takes seconds.
    private static let lookTimeout = Duration.seconds(10)
    private static let decisionTimeout = Duration.seconds(35)

    private let client: DeadLetterServiceClient

    /// Asks through a channel.
    package init(channel: GRPCChannel) { client = DeadLetterServiceClient(channel: channel) }

    package func list(_ query: DeadLetterQuery) async throws -> DeadLetterPage {
        try await client.listDeadLetters(query, timeout: Self.lookTimeout).message
    }

    package func groups(_ query: DeadLetterQuery) async throws -> DeadLetterGroupPage {
        try await client.listDeadLetterGroups(query, timeout: Self.decisionTimeout).message
    }

    package func show(_ number: Int64) async throws -> DeadLetterRecord? {
        do throws(GRPCStatus) {
            return try await client.getDeadLetter(DeadLetterReference(number: number), timeout: Self.lookTimeout)
                .message
        } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    package func decide(_ decision: DeadLetterDecision) async throws -> DeadLetterOutcome {
        try await client.decideDeadLetters(decision, timeout: Self.decisionTimeout).message
    }
}
