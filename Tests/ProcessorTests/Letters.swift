import Contracts
import GRPC
import Synchronization

@testable import ProcessorAPI

/// A service with letters numbered from 1, or one that is away.
final class Letters: DeadLetterSource {
    private let service: String
    private let count: Int64?
    let decisions = Mutex([DeadLetterDecision]())

    /// - Parameter count: nil for a service that is away.
    init(_ service: String, _ count: Int64?) {
        self.service = service
        self.count = count
    }

    private func all() throws -> Int64 {
        guard let count else { throw GRPCStatus(.unavailable) }
        return count
    }

    func list(_ query: DeadLetterQuery) async throws -> DeadLetterPage {
        let last = min(try all(), query.after + query.limit)
        guard last > query.after else { return DeadLetterPage() }
        return DeadLetterPage(
            data: (query.after + 1...last).map { DeadLetterEntry(id: "\(service)-\($0)", service: service) })
    }

    func groups(_ query: DeadLetterQuery) async throws -> DeadLetterGroupPage {
        DeadLetterGroupPage(data: [DeadLetterGroupEntry(service: service, count: try all())])
    }

    func show(_ number: Int64) async throws -> DeadLetterRecord? {
        guard number <= (try all()) else { return nil }
        return DeadLetterRecord(
            letter: DeadLetterEntry(id: "\(service)-\(number)", service: service), headers: "{}", event: "{}")
    }

    func decide(_ decision: DeadLetterDecision) async throws -> DeadLetterOutcome {
        let count = try all()
        decisions.withLock { $0.append(decision) }
        let missing = decision.letterNumbers.filter { $0 > count }
        let selected = decision.letterNumbers.isEmpty ? Int(count) : decision.letterNumbers.count - missing.count
        return DeadLetterOutcome(
            service: service, selected: Int64(selected), dryRun: decision.dryRun,
            missing: missing.map { "\(service)-\($0)" })
    }
}
