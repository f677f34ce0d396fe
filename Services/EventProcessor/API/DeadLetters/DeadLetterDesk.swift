import Contracts
import GRPC
package import Observability
import ServiceRuntime

/// One place for the letters of all services: asks each, and says which did not answer.
package struct DeadLetterDesk: Sendable {
    /// What operators decide about letters.
    enum Action: String, CaseIterable {
        case replay
        case discard
        case archive
    }

    private struct Place: Sendable {
        let service: ConsumingService
        let source: any DeadLetterSource
    }

    private enum Answer<Value: Sendable>: Sendable {
        case given(Value)
        case absent(DeadLetterAbsence)

        var value: Value? { if case .given(let value) = self { value } else { nil } }
        var absence: DeadLetterAbsence? { if case .absent(let absence) = self { absence } else { nil } }
    }

    private let places: [Place]
    private let logger: Logger

    /// - Parameter sources: in the order in which letters are listed.
    package init(_ sources: KeyValuePairs<ConsumingService, any DeadLetterSource>, logger: Logger) {
        places = sources.map { Place(service: $0.key, source: $0.value) }
        self.logger = logger
    }

    // MARK: Looking

    /// One page: the letters of one service after those of another, each oldest first.
    func list(_ criteria: DeadLetterCriteria) async -> DeadLetterPage {
        var page = DeadLetterPage()
        var cursor = criteria.cursor
        for place in places(of: criteria.service) where cursor == nil || cursor?.service == place.service {
            var query = criteria.query
            query.after = cursor?.number ?? 0
            query.limit = Int64(criteria.limit - page.data.count)
            cursor = nil
            let answer = await ask(place) { [query] place in try await place.source.list(query).data }
            page.data += answer.value ?? []
            if let absence = answer.absence { page.unavailable.append(absence) }
            if page.data.count >= criteria.limit {
                page.nextCursor = page.data.last?.id
                break
            }
        }
        return page
    }

    /// The largest groups of all services together.
    func groups(_ criteria: DeadLetterCriteria) async -> DeadLetterGroupPage {
        var query = criteria.query
        query.limit = Int64(criteria.limit)
        let answers = await askAll(places(of: criteria.service)) { [query] place in
            try await place.source.groups(query).data
        }
        let groups = answers.compactMap(\.value).joined().sorted { $0.count > $1.count }
        return DeadLetterGroupPage(
            data: Array(groups.prefix(criteria.limit)), unavailable: answers.compactMap(\.absence))
    }

    /// One letter; nil when there is none of this name.
    ///
    /// - Throws: `ProblemDetails` where its service does not answer.
    func show(_ id: DeadLetterID) async throws(ProblemDetails) -> DeadLetterRecord? {
        guard let place = places(of: id.service).first else { return nil }
        switch await ask(place, { place in try await place.source.show(id.number) }) {
        case .given(let record): return record
        case .absent(let absence):
            throw .unavailable("service_unavailable", "\(absence.service): \(absence.reason).")
        }
    }

    /// Whether an answer tells of nothing but services that are away.
    func isNobodyThere(_ unavailable: [DeadLetterAbsence], of service: ConsumingService?) -> Bool {
        !unavailable.isEmpty && unavailable.count == places(of: service).count
    }

    // MARK: Deciding

    /// Decides about letters by name, in each service that they are of.
    func decide(_ action: Action, about ids: [DeadLetterID], isDryRun: Bool) async -> DeadLetterSummary {
        let numbers = Dictionary(grouping: ids, by: \.service).mapValues { $0.map(\.number) }
        return await decide(in: places.filter { numbers[$0.service] != nil }, isDryRun) { service in
            DeadLetterDecision(action: action.rawValue, letterNumbers: numbers[service] ?? [], dryRun: isDryRun)
        }
    }

    /// Decides about all letters that fit.
    func decide(_ action: Action, about criteria: DeadLetterCriteria, isDryRun: Bool) async -> DeadLetterSummary {
        await decide(in: places(of: criteria.service), isDryRun) { _ in
            DeadLetterDecision(action: action.rawValue, query: criteria.query, dryRun: isDryRun)
        }
    }

    private func decide(
        in places: [Place], _ isDryRun: Bool, _ decision: @escaping @Sendable (ConsumingService) -> DeadLetterDecision
    ) async -> DeadLetterSummary {
        let answers = await askAll(places) { place in try await place.source.decide(decision(place.service)) }
        let outcomes = answers.compactMap(\.value)
        return DeadLetterSummary(
            selected: outcomes.reduce(0) { $0 + $1.selected }, following: outcomes.reduce(0) { $0 + $1.following },
            dryRun: isDryRun, missing: outcomes.flatMap(\.missing), services: outcomes,
            unavailable: answers.compactMap(\.absence))
    }

    // MARK: Asking

    private func places(of service: ConsumingService?) -> [Place] {
        places.filter { service == nil || $0.service == service }
    }

    /// Asks all at once; the answers are in the order of the services.
    private func askAll<Value: Sendable>(
        _ places: [Place], _ question: @escaping @Sendable (Place) async throws -> Value
    ) async -> [Answer<Value>] {
        await withTaskGroup(of: (Int, Answer<Value>).self) { group in
            for (index, place) in places.enumerated() {
                group.addTask { (index, await ask(place, question)) }
            }
            var answers: [(Int, Answer<Value>)] = []
            for await answer in group { answers.append(answer) }
            return answers.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    /// Whatever keeps a service from answering hides its own letters alone.
    private func ask<Value: Sendable>(
        _ place: Place, _ question: @Sendable (Place) async throws -> Value
    ) async -> Answer<Value> {
        do {
            return .given(try await question(place))
        } catch {
            let service = place.service.rawValue
            logger.warning(
                "a service does not tell of its dead letters", [.component: .string(service), .error: .error(error)])
            return .absent(DeadLetterAbsence(service: service, reason: Self.reason(error)))
        }
    }

    private static func reason(_ error: any Error) -> String {
        let problem =
            (error as? GRPCStatus).map(ProblemDetails.init(_:)) ?? ProblemDetails(refusal: error) ?? .internalError
        switch problem.code {
        case "unavailable": return "the service does not answer"
        case "timeout": return "the service does not answer in time"
        case "database_unavailable": return "its database does not answer"
        case "not_implemented": return "the service has no such operation"
        default: return problem.detail.isEmpty ? problem.title : problem.detail
        }
    }
}
